// cron.disable and cron.enable: the jobs of a file in /etc/cron.d, commented out recognisably and brought back.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> cron_schemas();
std::unique_ptr<Action> make_cron(std::string_view action, const boost::json::object& params, const std::string& role);

}  // namespace migrate
