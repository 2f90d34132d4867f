// dns.ttl, dns.set, dns.add, dns.remove: records of addresses, changed by RFC 2136 updates signed with the plan's TSIG
// key.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> dns_schemas();
std::unique_ptr<Action> make_dns(std::string_view action, const boost::json::object& params, const std::string& role);

}  // namespace migrate
