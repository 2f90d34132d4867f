// apache.modules: modules of Debian's Apache, enabled with what they depend on.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> apache_modules_schemas();
std::unique_ptr<Action> make_apache_modules(std::string_view action, const boost::json::object& params,
                                            const std::string& role);

}  // namespace migrate
