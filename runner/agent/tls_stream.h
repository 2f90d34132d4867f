// One TLS 1.3 connection over a socket that never blocks; both sides prove that they know the same key. OpenSSL stays
// in tls_stream.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace migrate {

/// Not thread-safe. A process that uses it ignores SIGPIPE: OpenSSL writes with write(2).
class TlsStream {
 public:
  enum class Side { accepts, connects };
  enum class Progress { done, wants_read, wants_write, closed };

  /// Owns `socket`, and makes it non-blocking. `key`: 64 hex digits (32 bytes); Failure for anything else.
  TlsStream(int socket, Side side, std::string_view key);
  ~TlsStream();
  TlsStream(TlsStream&&) noexcept;
  TlsStream& operator=(TlsStream&&) noexcept;

  /// closed: the peer doesn't know the key, speaks no TLS 1.3, or is gone; reason() says which.
  Progress handshake();
  /// `count` is what was read or taken; 0 unless done. A write that wanted more is repeated with the same bytes first.
  Progress read(char* into, std::size_t size, std::size_t& count);
  Progress write(std::string_view bytes, std::size_t& count);
  /// Says goodbye and closes the sending direction.
  void close_sending();

  int socket() const { return socket_; }
  const std::string& reason() const { return reason_; }

 private:
  struct Connection;
  Progress progress_of(int result);

  std::unique_ptr<Connection> connection_;
  int socket_ = -1;
  std::string reason_ = "it closed the connection";
};

/// 32 bytes from the system's generator, as hex.
std::string new_pipe_key();

}  // namespace migrate
