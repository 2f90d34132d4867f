// Where a DNS server listens: from what the plan says to socket addresses.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace migrate {

struct DnsServerAddress {
  sockaddr_storage to{};
  socklen_t length = 0;
  std::string text;  // "192.0.2.53" or "[2001:db8::53]:5353": for messages; the port only when it isn't 53
};

/// `server`: an address or a name, with an optional ":port" (an IPv6 address then in brackets). Never empty: throws
/// Failure when the text makes no sense or the name is not known.
std::vector<DnsServerAddress> dns_server_addresses(const std::string& server);

}  // namespace migrate
