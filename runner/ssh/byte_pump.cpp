#include "runner/ssh/byte_pump.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace migrate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t buffered = 256 * 1024;

// False when the server is gone.
bool flush_to(int server, std::string& bytes, bool& moved) {
  while (!bytes.empty()) {
    const auto sent = ::send(server, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    bytes.erase(0, static_cast<std::size_t>(sent));
    moved = true;
  }
  return true;
}

// False when the server has closed its side.
bool read_from(int server, std::string& bytes, bool& moved) {
  std::array<char, 64 * 1024> part;
  while (bytes.size() < buffered) {
    const auto size = ::recv(server, part.data(), part.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (size == 0) return false;
    bytes.append(part.data(), static_cast<std::size_t>(size));
    moved = true;
  }
  return true;
}

bool send_to(SshCommand& agent, std::string& bytes) {
  const auto sent = agent.send(bytes);
  bytes.erase(0, sent);
  return sent > 0;
}

}  // namespace

PumpEnd pump_bytes(SshConnection& connection, SshCommand& agent, int server, std::string from_agent) {
  std::string from_server;
  bool server_open = true;
  short ready = POLLIN;
  while (!connection.interrupted()) {
    bool moved = false;
    agent.receive(from_agent, buffered);
    if (!flush_to(server, from_agent, moved)) return PumpEnd::server_closed;
    if (agent.output_ended() && from_agent.empty()) return PumpEnd::agent_closed;
    if (server_open && ready != 0) server_open = read_from(server, from_server, moved);
    if (send_to(agent, from_server)) moved = true;
    if (!server_open && from_server.empty()) return PumpEnd::server_closed;
    // Sending takes in what has arrived: as long as anything moves, look again before waiting.
    const bool reading = server_open && from_server.size() < buffered;
    const auto events = static_cast<short>((reading ? POLLIN : 0) | (from_agent.empty() ? 0 : POLLOUT));
    ready = connection.wait(moved ? 0ms : 5000ms, events == 0 ? -1 : server, events);
  }
  return PumpEnd::interrupted;
}

}  // namespace migrate
