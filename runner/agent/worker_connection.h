// The bytes between an agent and its job server: packets in, packets out, over two descriptors that may be a socket,
// two pipes or an ssh channel.
#pragma once

#include "runner/wire/packet.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <functional>
#include <string>
#include <string_view>

namespace migrate {

class WorkerConnection {
 public:
  struct Events {
    std::function<void(const Packet&)> packet;
    std::function<void(const std::string& why)> ended;  // once; why: "" for an end of file
    std::function<void()> drained;                      // all that was sent has left
  };

  /// Takes over both descriptors.
  WorkerConnection(boost::asio::io_context& loop, int in_fd, int out_fd, Events events);

  void start();
  /// Keeps the bytes until they can be written. Once the connection has ended they are dropped.
  void send(std::string_view bytes);
  void close();

  bool is_open() const { return open_; }
  std::size_t unsent() const { return open_ ? waiting_.size() + leaving_.size() : 0; }

 private:
  void read_more();
  void take(std::string_view bytes);
  void write_more();
  void end(const std::string& why);

  Events events_;
  boost::asio::posix::stream_descriptor in_, out_;
  PacketReader reader_;
  std::array<char, 65536> buffer_;
  std::string waiting_, leaving_;
  bool open_ = true;
  bool writing_ = false;
};

}  // namespace migrate
