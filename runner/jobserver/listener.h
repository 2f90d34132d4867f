// A socket that the job server listens on.
#pragma once

#include "runner/jobserver/stream_socket.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace migrate {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using Accepted = std::function<void(StreamSocket)>;

  /// Only its owner may connect (mode 0600). A path where somebody listens is refused, and so is one that is no socket;
  /// a socket that a dead process left is replaced. The path is removed at the end. Throws Failure.
  static std::shared_ptr<Listener> on_unix_path(boost::asio::io_context& io, const std::string& path,
                                                Accepted accepted);
  /// Port 0: any free one. Throws Failure.
  static std::shared_ptr<Listener> on_address(boost::asio::io_context& io, const boost::asio::ip::address& address,
                                              std::uint16_t port, Accepted accepted);

  Listener(boost::asio::io_context& io, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The port that it got; 0 for a Unix path.
  std::uint16_t port() const { return port_; }
  void stop();

 private:
  void accept();
  void wait_and_accept(const boost::system::error_code& error);
  void remove_path();

  StreamAcceptor acceptor_;
  boost::asio::steady_timer pause_;
  Accepted accepted_;
  std::uint16_t port_ = 0;
  std::string path_;                      // of a Unix socket that is ours
  std::uint64_t device_ = 0, inode_ = 0;  // so that nobody else's is removed
  bool complained_ = false;
};

}  // namespace migrate
