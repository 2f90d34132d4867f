#include "runner/agent/own_addresses.h"

#include "steps/failure.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace migrate {
namespace {

enum Preference { ipv4, ipv6, loopback, useless };

Preference preference_of(const ifaddrs& interface) {
  if (!(interface.ifa_flags & IFF_UP) || !interface.ifa_addr) return useless;
  const bool loops = interface.ifa_flags & IFF_LOOPBACK;
  if (interface.ifa_addr->sa_family == AF_INET) {
    const auto address = ntohl(reinterpret_cast<const sockaddr_in*>(interface.ifa_addr)->sin_addr.s_addr);
    return loops ? loopback : address >> 16 == 0xA9FE ? useless : ipv4;
  }
  if (interface.ifa_addr->sa_family != AF_INET6) return useless;
  const auto& address = reinterpret_cast<const sockaddr_in6*>(interface.ifa_addr)->sin6_addr;
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return useless;
  return loops ? loopback : ipv6;
}

std::string text_of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* bytes = address.sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                          : &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  ::inet_ntop(address.sa_family, bytes, text, sizeof text);
  return text;
}

}  // namespace

std::vector<std::string> own_addresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) throw Failure(std::string("Cannot list this host's addresses: ") + std::strerror(errno));
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
  std::vector<std::pair<Preference, std::string>> found;
  for (const ifaddrs* each = all.get(); each; each = each->ifa_next) {
    const auto preference = preference_of(*each);
    if (preference != useless) found.emplace_back(preference, text_of(*each->ifa_addr));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> addresses;
  for (auto& [preference, text] : found) addresses.push_back(std::move(text));
  return addresses;
}

}  // namespace migrate
