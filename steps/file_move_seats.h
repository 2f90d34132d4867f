// The two seats of file.move between hosts, and what they say to each other through the pipe:
//
//   source -> target   note {"sha256", "size", "mode", "mtime_ns", "uid", "gid", "owner", "group"}
//   source -> target   bytes ... end
//   target -> source   note {"written": true}, once the file is there whole     (or error, a sentence)
//
// Only then the source removes its file. Before that it has set a copy aside: its undo needs no pipe.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string>

namespace migrate {

std::unique_ptr<Action> make_move_source(std::string from, std::string to);
std::unique_ptr<Action> make_move_target(std::string from, std::string to);

}  // namespace migrate
