// The state of a file, as file.write, file.move, cron.* and hosts.add share it: taken, predicted, and put back to the
// byte.
//
// `file:PATH` is null, or
//   {"kind": "file", "mode": "0644", "uid", "gid", "mtime_ns", "size", "sha256", "content": base64}
//   {"kind": "symlink", "target", "uid", "gid"}
//   {"kind": "directory", "uid", "gid"}
// `content` is left out (and keep_copy() sets the file aside on its host) when it is larger than 256 KiB, or when not
// everybody may read the file: what is private on a host has no place in a journal elsewhere.
#pragma once

#include "steps/state.h"
#include "steps/system.h"

#include <optional>
#include <string>
#include <string_view>

namespace migrate {

std::string file_key(const std::string& path);
std::string folder_of(const std::string& path);

/// Whether a file of that size and mode travels with its content in the state.
enum class Privacy { kept_on_host, content_always };

/// Reads only. Failure for what is neither file, directory nor symlink.
boost::json::value file_state(System& system, const std::string& path, Privacy privacy = Privacy::kept_on_host);

/// The state of a file to be: all but its mtime.
boost::json::object file_to_be(std::string_view content, unsigned mode, unsigned uid, unsigned gid,
                               Privacy privacy = Privacy::kept_on_host);

bool is_kind(const boost::json::value& state, std::string_view kind);
/// The content that the state carries; nullopt when it doesn't.
std::optional<std::string> content_in(const boost::json::value& state);
/// Mode and owner out of a file's state; mtime 0 when it was predicted.
FileStatus status_in(const boost::json::value& state);

/// Sets the file's content aside in the keep folder when `state` doesn't carry it. To be called before it is replaced.
void keep_copy(System& system, const std::string& path, const boost::json::value& state);
/// The content by state or by kept copy; Failure when neither has it.
std::string kept_content(System& system, const std::string& path, const boost::json::value& state);

/// Makes the path what `state` says (null: removes it), touching only what differs. Idempotent.
void restore_file(System& system, const std::string& path, const boost::json::value& state);

/// The folders above a path, for actions that make those that are missing: `file:FOLDER` of each but "/".
void probe_folders(System& system, const std::string& path, State& state);
/// plan(): what make_folders() will leave. Also gives the folders that will be new, outermost first.
std::vector<std::string> predict_folders(const std::string& path, const State& state, State& after);
/// Makes the folders that were missing in `before`, mode 0755, owned as the folder that they lie in.
void make_folders(System& system, const std::string& path, const State& before);
/// Removes those folders that were missing in `before`, innermost first; one that holds something else stays.
void remove_folders(System& system, const std::string& path, const State& before);
/// The owner of the innermost folder: what a new file gets that nobody gave an owner.
std::pair<unsigned, unsigned> folder_owner(const std::string& path, const State& state);

}  // namespace migrate
