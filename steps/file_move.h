// file.move: a file from one host to another through a pipe, or to another path on its own host. At no moment is there
// neither copy, and a different file at the target is never overwritten.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> file_move_schemas();
/// `role` "source" and "target": the two seats; "": both paths are on the one host that runs it.
std::unique_ptr<Action> make_file_move(std::string_view action, const boost::json::object& params,
                                       const std::string& role);

}  // namespace migrate
