// A tree of files as a resource: what it is, set aside, put back. By the host's own find, cp, mv and rm, since a tree
// may hold a million files.
#pragma once

#include "steps/system.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>

namespace migrate {

struct TreeSize {
  std::uint64_t files = 0;  // regular ones, every name counted
  std::uint64_t bytes = 0;  // theirs, and the lengths of symbolic links (as rsync counts)
};

/// The path with its symbolic links resolved, whether it exists or not.
std::string real_path(System& system, const std::string& path);

/// Reads only. Throws Failure when part of it cannot be read.
TreeSize tree_size(System& system, const std::string& path);

/// Reads only. null when nothing is there, else {"files", "bytes", "digest"}; the digest is over every name's type,
/// mode, owner, size, number of links, mtime and target: without contents, ACLs and extended attributes, so it is fast.
/// Throws Failure when `path` is something else than a directory.
boost::json::value tree_fingerprint(System& system, const std::string& path);

/// Copies the tree to `aside`, whole or not at all; there already: nothing is done. `path` stays as it is. Shares the
/// blocks where the file system can; Failure before anything is written when there is no room for a copy.
void copy_tree_aside(System& system, const std::string& path, const std::string& aside);

/// From any state in which copy_tree_aside() or an earlier call stopped: the tree that lies in `aside` takes the place
/// of what is at `path`, and that is removed. `existed`: false: there was nothing, and `path` is removed. Nothing in
/// `aside`: the tree was not touched yet, or is back already.
void put_tree_back(System& system, const std::string& path, const std::string& aside, bool existed);

}  // namespace migrate
