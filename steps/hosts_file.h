// hosts.add: a line in /etc/hosts of our own.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> hosts_file_schemas();
std::unique_ptr<Action> make_hosts_file(std::string_view action, const boost::json::object& params,
                                        const std::string& role);

}  // namespace migrate
