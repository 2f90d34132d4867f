#include "tests/unit/agent/loopback_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace migrate {

namespace {

/// Whether `port` can be had; port 0: any, and says which.
bool can_bind_loopback(int family, int type, int& port) {
  sockaddr_storage place{};
  socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  auto& ip4 = reinterpret_cast<sockaddr_in&>(place);
  auto& ip6 = reinterpret_cast<sockaddr_in6&>(place);
  place.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (family == AF_INET6) ip6.sin6_addr = in6addr_loopback;
  ip4.sin_port = htons(static_cast<std::uint16_t>(port));  // at the same place in both
  int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  auto* address = reinterpret_cast<sockaddr*>(&place);
  bool bound = ::bind(fd, address, length) == 0 && ::getsockname(fd, address, &length) == 0;
  port = ntohs(ip4.sin_port);
  ::close(fd);
  return bound;
}

}  // namespace

LoopbackFolder::LoopbackFolder() {
  char path[] = "/tmp/migrate-loopback-XXXXXX";
  if (::mkdtemp(path) == nullptr) throw std::runtime_error("no folder for the test");
  path_ = path;
}

LoopbackFolder::~LoopbackFolder() { std::filesystem::remove_all(path_); }

void LoopbackFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(*this / name) << text;
}

LoopbackServer::LoopbackServer(const std::vector<std::string>& argv, const std::string& ready) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe for the server");
  output_ = ends[0];
  try {
    Command command;
    command.argv = argv;
    child_ = std::make_unique<ChildProcess>(command, std::map<int, int>{{2, ends[1]}});
    ::close(ends[1]);
    wait_for(ready);
  } catch (...) {
    child_.reset();
    ::close(output_);
    throw;
  }
}

LoopbackServer::~LoopbackServer() {
  child_.reset();
  ::close(output_);
}

void LoopbackServer::wait_for(const std::string& ready) {
  std::string printed;
  auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::size_t from = 0;;) {
    for (std::size_t end; (end = printed.find('\n', from)) != std::string::npos; from = end + 1) {
      line_ = printed.substr(from, end - from);
      if (line_.find(ready) != std::string::npos) return;
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    pollfd waiting{output_, POLLIN, 0};
    char bytes[4096];
    ssize_t size = left.count() > 0 && ::poll(&waiting, 1, static_cast<int>(left.count())) > 0
                       ? ::read(output_, bytes, sizeof bytes)
                       : 0;
    if (size <= 0) throw std::runtime_error("The server for the test did not come up:\n" + printed);
    printed.append(bytes, static_cast<std::size_t>(size));
  }
}

int free_loopback_port() {
  for (int tried = 0; tried < 100; ++tried) {
    int port = 0;
    if (can_bind_loopback(AF_INET, SOCK_STREAM, port) && can_bind_loopback(AF_INET, SOCK_DGRAM, port) &&
        can_bind_loopback(AF_INET6, SOCK_STREAM, port) && can_bind_loopback(AF_INET6, SOCK_DGRAM, port)) {
      return port;
    }
  }
  throw std::runtime_error("no free port on loopback");
}

}  // namespace migrate
