// The addresses under which this machine may be reached.
#pragma once

#include <string>
#include <vector>

namespace migrate {

/// Of all interfaces that are up: IPv4, then global IPv6, then loopback (for two agents on one machine). Without
/// link-local ones, which mean nothing to another host.
std::vector<std::string> own_addresses();

}  // namespace migrate
