// The two ends of an rsync run over a pipe. What they say to each other:
//
//   source -> target   note {"files", "bytes"}            what there is to copy, for the progress
//   target -> source   bytes: the command that rsync on the target wants to run on the source, a line a word, and a
//   last line source -> target   bytes "go\n", once that command was found to be the one that this step allows both
//   ways          bytes ... end                      rsync's own protocol source -> target   note {"changed"} whether
//   the tree changed while it was read
#pragma once

#include "steps/system.h"
#include "steps/tree.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace migrate {

struct RsyncOrder {
  std::string from;  // directories, without a final slash
  std::string to;
  bool remove = false;
  bool checksum = false;
  std::vector<std::string> exclude;
  std::uint64_t bytes_per_second = 0;  // 0: no limit
};

/// The arguments for the source's rsync out of `words`, what the target's rsync asked for: nothing but a sender of
/// `path`. Throws Failure for anything else.
std::vector<std::string> checked_sender(const std::vector<std::string>& words, const std::string& path);

/// On the source's host.
void send_tree(System& system, Pipe& pipe, const RsyncOrder& order);

/// On the target's host. {"files", "bytes"}: what rsync's list of the source's tree had; "transferred": bytes of the
/// files that were sent; "source_changed".
boost::json::object receive_tree(System& system, Pipe& pipe, const RsyncOrder& order);

}  // namespace migrate
