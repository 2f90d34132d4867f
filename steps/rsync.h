// rsync: a tree of files from one host to another, by the real rsync over a pipe between the two agents. No ssh keys.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> rsync_schemas();
/// `role`: "source" or "target".
std::unique_ptr<Action> make_rsync(std::string_view action, const boost::json::object& params, const std::string& role);

}  // namespace migrate
