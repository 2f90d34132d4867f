// Frames over a TLS stream: what both ends of a pipe are, once they have met. docs/protocol.md, "The pipe", has the
// bytes.
#pragma once

#include "runner/agent/tls_stream.h"
#include "steps/system.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace migrate {

/// A thread of its own sends keep-alives, so that an end which works for minutes between two frames isn't taken for
/// dead. All other calls come from one thread.
class FramedPipe : public Pipe {
 public:
  static constexpr std::size_t largest_frame = 1 << 20;

  /// `stream` has its handshake behind it. Keep-alives go out when nothing else did for `quiet`; a peer that is silent
  /// for `silence` while we wait for it is a Failure.
  explicit FramedPipe(TlsStream stream, std::chrono::milliseconds quiet = std::chrono::seconds(8),
                      std::chrono::milliseconds silence = std::chrono::seconds(60));
  /// Lets what was sent reach the peer, for at most 2 s.
  ~FramedPipe() override;

  void send(Kind kind, std::string_view data) override;
  Frame receive() override;

  // --- for a loop that waits for more than the pipe. None of these wait.
  /// Moves bytes both ways; true when any moved.
  bool move();
  /// Takes the next whole frame; false when there is none yet. Throws Failure when the peer is gone and nothing is
  /// left.
  bool take(Frame& frame);
  /// Data of any size; it is cut into frames.
  void queue(Kind kind, std::string_view data);
  std::size_t unsent();
  int socket() const { return stream_.socket(); }
  /// What to poll() the socket for.
  short events();
  /// Throws Failure when the peer has been silent for too long, counted from `waiting_since` at the earliest.
  void check_silence(std::chrono::steady_clock::time_point waiting_since);

 private:
  bool move_locked();
  bool read_locked();
  bool write_locked();
  void append_locked(std::uint8_t kind, std::string_view data);
  void parse_locked();
  void wait_a_moment();
  void keep_alive(std::chrono::milliseconds quiet);

  std::mutex mutex_;  // guards all below but the thread and its descriptor
  TlsStream stream_;
  std::string in_, out_;  // bytes of frames; the part before *_begin_ is done with
  std::size_t in_begin_ = 0, out_begin_ = 0;
  std::deque<Frame> frames_;
  std::size_t frames_bytes_ = 0;
  bool closed_ = false;
  std::string broken_;  // why what came is no frame, or ""
  std::chrono::steady_clock::time_point last_heard_, last_sent_;
  std::chrono::milliseconds silence_;

  int wake_ = -1;
  std::thread keeper_;
};

}  // namespace migrate
