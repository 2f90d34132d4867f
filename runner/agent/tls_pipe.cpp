#include "runner/agent/tls_pipe.h"

#include "runner/agent/framed_pipe.h"
#include "runner/agent/own_addresses.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto longest_handshake = std::chrono::seconds(10);  // a peer that takes longer isn't ours
constexpr auto longest_connect = std::chrono::seconds(10);    // for one address: a firewall that drops says nothing
constexpr std::size_t most_candidates = 32;

class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  ~Socket() {
    if (number_ >= 0) ::close(number_);
  }
  Socket(Socket&& other) noexcept : number_(other.release()) {}
  Socket& operator=(Socket&&) = delete;
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3600000));
}

void set_up_socket(int number) {
  const int on = 1;
  const unsigned dead_after_ms = 60000;
  ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(number, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after_ms, sizeof dead_after_ms);
}

/// A listening socket on a port that the system chooses: both families, or IPv4 alone where there is no IPv6.
Socket listen_anywhere() {
  const int off = 0;
  Socket both(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  if (both.number() >= 0 && ::setsockopt(both.number(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
      ::bind(both.number(), reinterpret_cast<sockaddr*>(&any6), sizeof any6) == 0 && ::listen(both.number(), 16) == 0) {
    return both;
  }
  Socket ipv4(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  if (ipv4.number() >= 0 && ::bind(ipv4.number(), reinterpret_cast<sockaddr*>(&any4), sizeof any4) == 0 &&
      ::listen(ipv4.number(), 16) == 0) {
    return ipv4;
  }
  throw Failure(std::string("Cannot listen for the other host: ") + std::strerror(errno));
}

int port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

/// Peers that have connected and not yet shown that they know the key. They are heard side by side: one that says
/// nothing doesn't keep the right one waiting.
class Candidates {
 public:
  explicit Candidates(std::string key) : key_(std::move(key)) {}

  void accept_from(int listener) {
    while (true) {
      Socket socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.number() < 0) return;
      set_up_socket(socket.number());
      if (waiting_.size() == most_candidates) waiting_.erase(waiting_.begin());
      waiting_.push_back(
          {TlsStream(socket.release(), TlsStream::Side::accepts, key_), Clock::now() + longest_handshake, POLLIN});
    }
  }

  /// Goes on with every handshake as far as it goes; the first that is complete is the peer.
  std::optional<TlsStream> advance() {
    for (auto each = waiting_.begin(); each != waiting_.end();) {
      const auto progress = each->stream.handshake();
      if (progress == TlsStream::Progress::done) return std::move(each->stream);
      each->events = progress == TlsStream::Progress::wants_write ? POLLOUT : POLLIN;
      const bool turned_away = progress == TlsStream::Progress::closed || Clock::now() >= each->deadline;
      turned_away_ += turned_away;
      each = turned_away ? waiting_.erase(each) : each + 1;
    }
    return std::nullopt;
  }

  void add_to(std::vector<pollfd>& fds) const {
    for (const auto& each : waiting_) fds.push_back({each.stream.socket(), each.events, 0});
  }
  int turned_away() const { return turned_away_; }

 private:
  struct Candidate {
    TlsStream stream;
    Clock::time_point deadline;
    short events = 0;
  };
  std::string key_;
  std::vector<Candidate> waiting_;
  int turned_away_ = 0;
};

/// Connected, or the system's reason in `reason`.
std::optional<Socket> connect_to(const std::string& address, int port, Clock::time_point deadline,
                                 std::string& reason) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    reason = ::gai_strerror(error);
    return std::nullopt;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> target(found, &::freeaddrinfo);
  Socket socket(::socket(target->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int error = socket.number() < 0 || ::connect(socket.number(), target->ai_addr, target->ai_addrlen) != 0 ? errno : 0;
  if (error == EINPROGRESS) {
    pollfd waiting{socket.number(), POLLOUT, 0};
    socklen_t size = sizeof error;
    if (::poll(&waiting, 1, milliseconds_until(deadline)) <= 0) {
      error = ETIMEDOUT;
    } else {
      ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error != 0) {
    reason = std::strerror(error);
    return std::nullopt;
  }
  set_up_socket(socket.number());
  return socket;
}

/// True when both know the key; else the reason.
bool shake_hands(TlsStream& stream, Clock::time_point deadline, std::string& reason) {
  while (true) {
    const auto progress = stream.handshake();
    if (progress == TlsStream::Progress::done) return true;
    if (progress == TlsStream::Progress::closed) {
      reason = "it does not know the key (" + stream.reason() + ")";
      return false;
    }
    pollfd waiting{stream.socket(), static_cast<short>(progress == TlsStream::Progress::wants_write ? POLLOUT : POLLIN),
                   0};
    if (::poll(&waiting, 1, milliseconds_until(deadline)) <= 0 && Clock::now() >= deadline) {
      reason = "it did not answer in time";
      return false;
    }
  }
}

}  // namespace

std::unique_ptr<Pipe> accept_tls_pipe(const std::function<void(const PipeOffer&)>& announce,
                                      std::chrono::milliseconds timeout) {
  std::signal(SIGPIPE, SIG_IGN);
  const Socket listener = listen_anywhere();
  const PipeOffer offer{own_addresses(), port_of(listener.number()), new_pipe_key()};
  Candidates candidates(offer.key);
  announce(offer);
  const auto deadline = Clock::now() + timeout;
  while (Clock::now() < deadline) {
    candidates.accept_from(listener.number());
    if (auto peer = candidates.advance()) return std::make_unique<FramedPipe>(std::move(*peer));
    std::vector<pollfd> fds{{listener.number(), POLLIN, 0}};
    candidates.add_to(fds);
    ::poll(fds.data(), fds.size(), std::min(milliseconds_until(deadline), 1000));
  }
  throw Failure(
      fmt::format("The other host did not connect to port {} within {} s{}. A firewall on this host or between the two "
                  "may be in the way.",
                  offer.port, std::chrono::duration_cast<std::chrono::seconds>(timeout).count(),
                  candidates.turned_away() > 0
                      ? fmt::format("; {} connections without the key were turned away", candidates.turned_away())
                      : ""));
}

std::unique_ptr<Pipe> connect_tls_pipe(const PipeOffer& offer, std::chrono::milliseconds timeout) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto deadline = Clock::now() + timeout;
  std::string tried;
  for (const auto& address : offer.addresses) {
    std::string reason;
    const auto until = std::min(deadline, Clock::now() + longest_connect);
    if (auto socket = connect_to(address, offer.port, until, reason)) {
      TlsStream stream(socket->release(), TlsStream::Side::connects, offer.key);
      const auto patience = std::min(deadline, Clock::now() + longest_handshake);
      if (shake_hands(stream, patience, reason)) return std::make_unique<FramedPipe>(std::move(stream));
    }
    tried += fmt::format("{}{}: {}", tried.empty() ? "" : "; ", address, reason);
    if (Clock::now() >= deadline) break;
  }
  throw Failure(fmt::format(
      "Cannot connect to the other host's pipe on port {} ({}). A firewall between the two may be in the way.",
      offer.port, tried.empty() ? "it announced no address" : tried));
}

}  // namespace migrate
