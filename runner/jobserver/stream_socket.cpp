#include "runner/jobserver/stream_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

namespace migrate {
namespace {

void set_number(int descriptor, int level, int option, int value) {
  // Fails on a connection that is gone already; the next read says so.
  static_cast<void>(::setsockopt(descriptor, level, option, &value, sizeof value));
}

}  // namespace

void close_on_exec(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

void prepare(StreamSocket& socket) {
  const int descriptor = socket.native_handle();
  close_on_exec(descriptor);
  boost::system::error_code error;
  socket.non_blocking(true, error);
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 || family == AF_UNIX) return;
  set_number(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_number(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_number(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set_number(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set_number(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
  // Keepalive rests while sent data is unanswered; this is the limit for that case.
  set_number(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, 14000);
}

std::string peer_address(const StreamSocket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "?";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const sockaddr* address = endpoint.data();
  if (address->sa_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(), text.size());
  else if (address->sa_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text.data(), text.size());
  else
    return "unix";
  return text.data();
}

}  // namespace migrate
