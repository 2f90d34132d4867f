#include "tests/unit/jobserver/running_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace migrate::jobserver_test {

SocketFolder::SocketFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "migrate-jobserver-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
}

SocketFolder::~SocketFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

RunningServer::RunningServer(JobServerOptions options) : path_(folder_.path("server")) {
  server_ = std::make_unique<JobServer>(io_, std::move(options));
  server_->listen_unix(path_);
  port_ = server_->listen_tcp("127.0.0.1", 0);
  thread_ = std::thread([this] { io_.run(); });
}

RunningServer::~RunningServer() {
  // Destroyed by the thread that owns it, so that what its end sends to its peers is still carried out.
  std::promise<void> ended;
  boost::asio::post(io_, [&] {
    server_.reset();
    ended.set_value();
  });
  ended.get_future().wait();
  work_.reset();
  io_.stop();
  thread_.join();
}

std::promise<void> RunningServer::hold() {
  std::promise<void> release, held;
  boost::asio::post(io_, [&held, released = release.get_future().share()] {
    held.set_value();
    released.wait();
  });
  held.get_future().wait();
  return release;
}

RawPeer RawPeer::on(const std::string& unix_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  return RawPeer(descriptor);
}

RawPeer RawPeer::on(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  return RawPeer(descriptor);
}

RawPeer::RawPeer(int descriptor) : descriptor_(descriptor) {
  const timeval patience{10, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

RawPeer::RawPeer(RawPeer&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), reader_(std::move(other.reader_)) {}

void RawPeer::hang_up() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void RawPeer::send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    sent += static_cast<std::size_t>(size);
  }
}

PacketReader::Item RawPeer::next() {
  std::array<char, 16384> buffer{};
  while (true) {
    if (auto item = reader_.next()) return std::move(*item);
    const ssize_t size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size == 0) throw std::runtime_error("the server has hung up");
    if (size < 0) throw std::runtime_error(std::string("nothing came: ") + std::strerror(errno));
    reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
  }
}

bool RawPeer::is_hung_up_on() {
  char byte = 0;
  return ::recv(descriptor_, &byte, 1, 0) == 0;
}

std::pair<std::string, std::string> RawPeer::next_job() {
  while (true) {
    send(PacketType::grab_job);
    Packet packet = this->packet();
    if (packet.type == PacketType::noop) packet = this->packet();
    if (packet.type == PacketType::job_assign) return {packet.args[0], packet.args[2]};
    send(PacketType::pre_sleep);
    this->packet();  // NOOP
  }
}

}  // namespace migrate::jobserver_test
