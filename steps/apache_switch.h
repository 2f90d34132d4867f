// apache.switch: another set of sites in the place of Apache's sites-enabled, in one atomic exchange.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> apache_switch_schemas();
std::unique_ptr<Action> make_apache_switch(std::string_view action, const boost::json::object& params,
                                           const std::string& role);

}  // namespace migrate
