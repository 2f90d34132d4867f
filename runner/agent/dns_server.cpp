#include "runner/agent/dns_server.h"

#include "steps/failure.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

namespace migrate {

namespace {

struct HostAndPort {
  std::string host;
  std::string port = "53";
};

HostAndPort split(const std::string& server) {
  HostAndPort parts{server};
  std::size_t colon = server.rfind(':');
  std::size_t bracket = server.find(']');
  if (server.starts_with('[') && bracket != std::string::npos) {
    parts.host = server.substr(1, bracket - 1);
    if (bracket + 1 < server.size()) parts.port = server[bracket + 1] == ':' ? server.substr(bracket + 2) : "";
  } else if (std::count(server.begin(), server.end(), ':') == 1) {
    parts.host = server.substr(0, colon);
    parts.port = server.substr(colon + 1);
  }
  return parts;
}

void check(const HostAndPort& parts, const std::string& server) {
  int port = 0;
  const char* end = parts.port.data() + parts.port.size();
  auto [stopped, error] = std::from_chars(parts.port.data(), end, port);
  if (error == std::errc() && stopped == end && port >= 1 && port <= 65535 && !parts.host.empty()) return;
  throw Failure(
      fmt::format("The DNS server \"{}\" makes no sense: write a name or an address, with an optional port, as "
                  "ns1.example.org, 192.0.2.53:5353 or [2001:db8::53]:5353.",
                  server));
}

std::string shown(const addrinfo& entry, const std::string& port) {
  char host[NI_MAXHOST] = "";
  if (getnameinfo(entry.ai_addr, entry.ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  if (port == "53") return host;
  return entry.ai_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

std::vector<DnsServerAddress> dns_server_addresses(const std::string& server) {
  HostAndPort parts = split(server);
  check(parts, server);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &list); error != 0) {
    throw Failure(
        fmt::format("The address of the DNS server {} cannot be found: {}.", parts.host, gai_strerror(error)));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  std::vector<DnsServerAddress> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    DnsServerAddress address;
    std::memcpy(&address.to, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    address.text = shown(*entry, parts.port);
    found.push_back(address);
  }
  return found;
}

}  // namespace migrate
