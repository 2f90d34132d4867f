// The table of all actions: the one place that knows them by name.
#pragma once

#include "plans/schema.h"
#include "steps/action.h"

#include <memory>
#include <string>
#include <string_view>

namespace migrate {

/// The schemas of all actions, for the plan loader and `migrate docs`; the order is the one that people see.
const ActionTable& action_table();

/// Throws Failure for a name that isn't in the table. `role` is "", "source" or "target".
std::unique_ptr<Action> make_action(std::string_view name, const boost::json::object& params, const std::string& role);

}  // namespace migrate
