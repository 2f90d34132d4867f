#include "runner/ssh/tcp_connect.h"

#include "steps/failure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;
using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses look_up(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    throw Failure(
        fmt::format("the name {} could not be found ({}). Check the host's address in the plan, DNS and "
                    "/etc/hosts.",
                    host, error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error)));
  }
  return Addresses(found, ::freeaddrinfo);
}

std::string numeric(const addrinfo& address) {
  std::array<char, NI_MAXHOST> text{};
  const int error =
      ::getnameinfo(address.ai_addr, address.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? text.data() : "?";
}

// 0, or the error's number.
int wait_connected(int socket, Clock::time_point deadline, const Interrupt& interrupt) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    std::array<pollfd, 2> fds{{{socket, POLLOUT, 0}, {interrupt.fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left)) < 0 && errno != EINTR) return errno;
    if (interrupt.raised()) return ECANCELED;
    if (fds[0].revents == 0) continue;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
  }
}

void set_option(int socket, int level, int name, int value) {
  (void)::setsockopt(socket, level, name, &value, sizeof value);
}

void notice_dead_peer(int socket) {
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);  // milliseconds
}

// The socket, or minus the error's number.
int connect_one(const addrinfo& address, Clock::time_point deadline, const Interrupt& interrupt) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -errno;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  notice_dead_peer(socket);
  int error = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) error = wait_connected(socket, deadline, interrupt);
  if (error != 0) {
    ::close(socket);
    return -error;
  }
  (void)::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
  return socket;
}

std::string cause_of(int error, std::chrono::milliseconds waited) {
  switch (error) {
    case ETIMEDOUT:
      return fmt::format("timed out, no answer within {} s", std::chrono::ceil<std::chrono::seconds>(waited).count());
    case ECONNREFUSED:
      return "connection refused";
    case EHOSTUNREACH:
      return "no route to host";
    case ENETUNREACH:
      return "network is unreachable";
    default:
      return std::strerror(error);
  }
}

std::string advice_for(int error, int port) {
  switch (error) {
    case ECONNREFUSED:
      return fmt::format("Is sshd running there, and is {} its port?", port);
    case ETIMEDOUT:
      return fmt::format("Is the host up, and is port {} open in the firewalls between?", port);
    default:
      return "Check the host's address in the plan and the route to it.";
  }
}

}  // namespace

int connect_tcp(const std::string& host, int port, std::chrono::milliseconds timeout, const Interrupt& interrupt) {
  const auto addresses = look_up(host, port);
  int untried = 0, error = 0;
  for (const auto* a = addresses.get(); a != nullptr; a = a->ai_next) ++untried;
  const auto deadline = Clock::now() + timeout;
  std::vector<std::string> causes;
  for (const auto* a = addresses.get(); a != nullptr && !interrupt.raised(); a = a->ai_next) {
    const auto begun = Clock::now();
    const int socket = connect_one(*a, begun + (deadline - begun) / untried--, interrupt);
    if (socket >= 0) return socket;
    if (error == 0 || -socket == ECONNREFUSED) error = -socket;  // somebody was there: that says more
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
    causes.push_back(fmt::format("{} at {}, port {}", cause_of(-socket, waited), numeric(*a), port));
  }
  throw Failure(fmt::format("{}. {}", fmt::join(causes, "; "), advice_for(error, port)));
}

}  // namespace migrate
