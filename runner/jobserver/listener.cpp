#include "runner/jobserver/listener.h"

#include "steps/failure.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace migrate {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

namespace {

constexpr int backlog = 4096;  // the system cuts it to its own limit
constexpr std::chrono::milliseconds accept_pause{100};

bool answers(asio::io_context& io, const std::string& path) {
  Local::socket probe(io);
  boost::system::error_code error;
  probe.connect(Local::endpoint(path), error);
  return !error || error == asio::error::try_again;
}

/// Leaves `path` free to bind to, or throws.
void clear_path(asio::io_context& io, const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    throw Failure(fmt::format("cannot listen on the Unix socket \"{}\": a path is 1 to {} bytes long", path,
                              sizeof(sockaddr_un::sun_path) - 1));
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    throw Failure(fmt::format("cannot listen on the Unix socket {}: {}", path, std::strerror(errno)));
  }
  if (!S_ISSOCK(found.st_mode))
    throw Failure(fmt::format("cannot listen on {}: something that is no socket is there; give another path", path));
  if (answers(io, path))
    throw Failure(
        fmt::format("cannot listen on {}: a server listens there already; end it, or give another path", path));
  if (::unlink(path.c_str()) != 0)
    throw Failure(
        fmt::format("cannot remove the socket {} that an earlier server left: {}", path, std::strerror(errno)));
}

}  // namespace

Listener::Listener(asio::io_context& io, Accepted accepted)
    : acceptor_(io), pause_(io), accepted_(std::move(accepted)) {}

Listener::~Listener() { stop(); }

std::shared_ptr<Listener> Listener::on_unix_path(asio::io_context& io, const std::string& path, Accepted accepted) {
  clear_path(io, path);
  auto listener = std::make_shared<Listener>(io, std::move(accepted));
  StreamAcceptor& acceptor = listener->acceptor_;
  boost::system::error_code error;
  acceptor.open(asio::generic::stream_protocol(Local()), error);
  if (!error) close_on_exec(acceptor.native_handle());
  if (!error) acceptor.bind(Local::endpoint(path), error);
  // Nobody can connect before listen(): the mode is right from the first moment on.
  if (!error && ::chmod(path.c_str(), 0600) != 0) error.assign(errno, boost::system::system_category());
  if (!error) acceptor.listen(backlog, error);
  if (error) throw Failure(fmt::format("cannot listen on the Unix socket {}: {}", path, error.message()));
  struct stat own {};
  if (::lstat(path.c_str(), &own) == 0) {
    listener->path_ = path;
    listener->device_ = own.st_dev;
    listener->inode_ = own.st_ino;
  }
  listener->accept();
  return listener;
}

std::shared_ptr<Listener> Listener::on_address(asio::io_context& io, const asio::ip::address& address,
                                               std::uint16_t port, Accepted accepted) {
  auto listener = std::make_shared<Listener>(io, std::move(accepted));
  const asio::ip::tcp::endpoint endpoint(address, port);
  StreamAcceptor& acceptor = listener->acceptor_;
  boost::system::error_code error;
  acceptor.open(asio::generic::stream_protocol(endpoint.protocol()), error);
  if (!error) close_on_exec(acceptor.native_handle());
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(backlog, error);
  if (error) throw Failure(fmt::format("cannot listen on {} port {}: {}", address.to_string(), port, error.message()));
  asio::ip::tcp::endpoint own;
  const auto bound = acceptor.local_endpoint();
  std::memcpy(own.data(), bound.data(), bound.size());
  listener->port_ = own.port();
  listener->accept();
  return listener;
}

void Listener::accept() {
  acceptor_.async_accept([weak = weak_from_this()](const boost::system::error_code& error, StreamSocket socket) {
    const auto self = weak.lock();
    if (!self || !self->acceptor_.is_open()) return;
    if (error && error != asio::error::connection_aborted) return self->wait_and_accept(error);
    if (!error) self->accepted_(std::move(socket));
    self->complained_ = false;
    self->accept();
  });
}

/// Too many open files, most likely: the connection stays in the queue of the system until there is room.
void Listener::wait_and_accept(const boost::system::error_code& error) {
  if (!std::exchange(complained_, true)) spdlog::warn("cannot accept a connection, trying again: {}", error.message());
  pause_.expires_after(accept_pause);
  pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& stopped) {
    const auto self = weak.lock();
    if (self && !stopped && self->acceptor_.is_open()) self->accept();
  });
}

void Listener::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel(ignored);
  remove_path();
}

void Listener::remove_path() {
  struct stat found {};
  const std::string path = std::exchange(path_, "");
  if (path.empty() || ::lstat(path.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path.c_str());
}

}  // namespace migrate
