// For tests of the job server's shell: a server in a thread of its own, and a peer that speaks to it by blocking calls.
#pragma once

#include "runner/jobserver/server.h"
#include "runner/wire/packet.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>

namespace migrate::jobserver_test {

/// A folder for sockets, removed at the end.
class SocketFolder {
 public:
  SocketFolder();
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

/// Listens on a Unix socket and on a free port of 127.0.0.1.
class RunningServer {
 public:
  explicit RunningServer(JobServerOptions options = {});
  ~RunningServer();
  const std::string& path() const { return path_; }
  std::uint16_t port() const { return port_; }
  /// The server does nothing from the return of this until the promise is kept.
  std::promise<void> hold();

 private:
  SocketFolder folder_;
  std::string path_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<JobServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// Every wait ends after 10 seconds with an exception.
class RawPeer {
 public:
  static RawPeer on(const std::string& unix_path);
  static RawPeer on(std::uint16_t port);
  explicit RawPeer(int descriptor);
  RawPeer(RawPeer&& other) noexcept;
  ~RawPeer() { hang_up(); }

  void send(const std::string& bytes);
  void send(PacketType type, std::vector<std::string> args = {}) { send(encode_request(type, std::move(args))); }
  /// Throws std::runtime_error: nothing came, or the server hung up.
  PacketReader::Item next();
  Packet packet() { return next().packet.value(); }
  std::string line() { return next().line.value().text; }
  bool is_hung_up_on();
  void hang_up();
  /// As a worker: the handle and payload of the next job, by sleeping until there is one.
  std::pair<std::string, std::string> next_job();
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  PacketReader reader_;
};

}  // namespace migrate::jobserver_test
