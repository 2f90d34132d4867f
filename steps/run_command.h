// run: a command of the plan's author; nobody can say beforehand what it changes.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> run_command_schemas();
/// With `"as_check": true` among the parameters (a `run` under `verify:`), verify() runs the command, vouched to change
/// nothing, and fails when it does.
std::unique_ptr<Action> make_run_command(std::string_view action, const boost::json::object& params,
                                         const std::string& role);

}  // namespace migrate
