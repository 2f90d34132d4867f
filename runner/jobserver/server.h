// The job server: Queue and the text protocol behind sockets. Callbacks on the caller's io_context, in its one thread.
#pragma once

#include "runner/jobserver/queue.h"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace migrate {

struct JobServerOptions {
  QueueOptions queue = {};              // handle_prefix "" or the default: "H:" and this host's name
  std::size_t most_body = 64u << 20;    // bytes of one packet's body; a larger one gets an ERROR, and is hung up on
  std::size_t most_unsent = 64u << 20;  // bytes that a peer may leave unread before it is dropped
  /// The text command `shutdown` was given (over the Unix socket) and, when graceful, no job runs any more. Without it
  /// nothing listens after the command, and the owner goes on.
  std::function<void()> on_shutdown;
};

/// Logs through spdlog's default logger. Ends at its destruction: all connections close, and Unix paths are removed.
class JobServer {
 public:
  explicit JobServer(boost::asio::io_context& io, JobServerOptions options = {});
  ~JobServer();
  JobServer(const JobServer&) = delete;
  JobServer& operator=(const JobServer&) = delete;

  /// Mode 0600. Throws Failure: the path is in use, or cannot be made.
  void listen_unix(const std::string& path);
  /// Loopback only, "localhost" on both families; port 0 takes a free one. Gives the actual port. Throws Failure.
  std::uint16_t listen_tcp(const std::string& host, std::uint16_t port);
  /// Takes over a connected stream socket, as if it had just been accepted.
  /// `gone` is called once when it has ended, unless the server ends first.
  void adopt(int descriptor, std::function<void()> gone);

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;
};

}  // namespace migrate
