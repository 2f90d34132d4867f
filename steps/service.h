// service.start, service.stop, service.restart, service.reload: systemd units, one or a list.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> service_schemas();
std::unique_ptr<Action> make_service(std::string_view action, const boost::json::object& params,
                                     const std::string& role);

}  // namespace migrate
