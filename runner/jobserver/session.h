// One connection, of the job server or to it: its socket, the packets that come in, the bytes that wait to go out.
#pragma once

#include "runner/jobserver/stream_socket.h"
#include "runner/wire/packet.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace migrate {

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// All sessions of a server share one. Called from the loop, never from within a call into the session.
  struct Events {
    std::function<void(Session&)> readable;  // bytes were fed into reader()
    std::function<void(Session&)> gone;      // the last call for this session
  };

  /// `events` lives until the session is gone or abandoned. `most_unsent`: a peer that leaves more unread is dropped.
  Session(std::uint64_t id, StreamSocket socket, const Events& events, std::size_t most_body, std::size_t most_unsent);

  void start();
  std::uint64_t id() const { return id_; }
  int descriptor() const { return descriptor_; }
  const std::string& address() const { return address_; }
  bool is_local() const { return address_ == "unix"; }
  PacketReader& reader() { return reader_; }

  /// Kept until flush(). False when the peer has left too much unread: close it.
  bool write(std::string_view bytes);
  /// Writes what the socket takes now, and the rest as soon as it can.
  void flush();
  /// Reads no more; closes when everything is written.
  void close_after_flush();
  void close();
  bool is_open() const { return open_ && !closing_; }
  /// Why it ended, once it has: the system's words.
  const std::string& why() const { return why_; }
  /// Closes without telling anybody: the server itself is going.
  void abandon();

 private:
  void wait_readable();
  void read();
  void wait_writable();

  std::uint64_t id_;
  StreamSocket socket_;
  const Events* events_;
  PacketReader reader_;
  std::size_t most_unsent_;
  int descriptor_;
  std::string address_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  bool open_ = true;
  bool closing_ = false;
  bool waits_writable_ = false;
  bool deaf_ = false;  // the peer takes nothing any more, but what it said before may still be read
  std::string why_ = "the connection was closed";
};

}  // namespace migrate
