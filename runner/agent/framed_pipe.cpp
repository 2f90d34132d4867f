#include "runner/agent/framed_pipe.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t header_size = 5;
constexpr std::size_t room_for_frames = 2 << 20;  // that wait to be taken; beyond, TCP holds the sender back
constexpr std::size_t room_for_unsent = 2 << 20;
constexpr auto longest_farewell = std::chrono::seconds(2);
constexpr std::uint8_t alive = 0;  // the kind of a keep-alive, never handed out

std::uint32_t length_at(std::string_view header) {
  const auto byte = [&](int at) {
    return std::uint32_t{static_cast<unsigned char>(header[static_cast<std::size_t>(at)])};
  };
  return byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
}

void drop_front(std::string& bytes, std::size_t& begin) {
  if (begin == bytes.size()) {
    bytes.clear();
    begin = 0;
  } else if (begin > (1 << 20)) {
    bytes.erase(0, begin);
    begin = 0;
  }
}

}  // namespace

FramedPipe::FramedPipe(TlsStream stream, std::chrono::milliseconds quiet, std::chrono::milliseconds silence)
    : stream_(std::move(stream)), last_heard_(Clock::now()), last_sent_(Clock::now()), silence_(silence) {
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) throw Failure("Cannot set up a pipe: the system has no more descriptors.");
  keeper_ = std::thread([this, quiet] { keep_alive(quiet); });
}

FramedPipe::~FramedPipe() {
  const std::uint64_t one = 1;
  while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  keeper_.join();
  ::close(wake_);
  // A socket closed with unread bytes resets the connection, and the reset overtakes what still lies in our queue (an
  // error's sentence, say). What the peer's system has acknowledged is safe from it.
  const auto until = Clock::now() + longest_farewell;
  bool said_goodbye = false;
  while (!closed_ && Clock::now() < until) {
    frames_.clear();
    frames_bytes_ = 0;
    move_locked();
    if (out_begin_ == out_.size() && !std::exchange(said_goodbye, true)) stream_.close_sending();
    int unacknowledged = 0;
    if (said_goodbye && (::ioctl(stream_.socket(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged == 0)) break;
    pollfd waiting{stream_.socket(), POLLIN, 0};
    ::poll(&waiting, 1, 2);
  }
}

void FramedPipe::keep_alive(std::chrono::milliseconds quiet) {
  pollfd waiting{wake_, POLLIN, 0};
  while (::poll(&waiting, 1, static_cast<int>(quiet.count() / 2 + 1)) <= 0) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (out_begin_ == out_.size() && Clock::now() - last_sent_ >= quiet / 2) append_locked(alive, "");
    write_locked();
  }
}

void FramedPipe::append_locked(std::uint8_t kind, std::string_view data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  const char header[header_size] = {static_cast<char>(kind), static_cast<char>(size >> 24),
                                    static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                                    static_cast<char>(size)};
  out_.append(header, header_size).append(data);
}

void FramedPipe::queue(Kind kind, std::string_view data) {
  const std::lock_guard lock(mutex_);
  if (kind != Kind::bytes && data.size() > largest_frame) {
    throw Failure(fmt::format("A message of {} bytes doesn't fit into a pipe's frame.", data.size()));
  }
  do {
    const auto part = data.substr(0, largest_frame);
    append_locked(static_cast<std::uint8_t>(kind), part);
    data.remove_prefix(part.size());
  } while (!data.empty());
}

std::size_t FramedPipe::unsent() {
  const std::lock_guard lock(mutex_);
  return out_.size() - out_begin_;
}

short FramedPipe::events() {
  const std::lock_guard lock(mutex_);
  short events = 0;
  if (!closed_ && frames_bytes_ < room_for_frames) events |= POLLIN;
  if (!closed_ && out_begin_ < out_.size()) events |= POLLOUT;
  return events;
}

bool FramedPipe::move() {
  const std::lock_guard lock(mutex_);
  return move_locked();
}

bool FramedPipe::move_locked() {
  const bool wrote = write_locked();
  return read_locked() || wrote;
}

bool FramedPipe::write_locked() {
  bool moved = false;
  while (!closed_ && out_begin_ < out_.size()) {
    std::size_t count = 0;
    const auto rest = std::string_view(out_).substr(out_begin_);
    const auto progress = stream_.write(rest, count);
    // A peer that failed sends its sentence and goes: what it said is still to be read, so this alone closes nothing.
    if (progress == TlsStream::Progress::closed) out_begin_ = out_.size();
    if (progress != TlsStream::Progress::done) break;
    out_begin_ += count;
    last_sent_ = Clock::now();
    moved = true;
  }
  drop_front(out_, out_begin_);
  return moved;
}

bool FramedPipe::read_locked() {
  bool moved = false;
  while (!closed_ && frames_bytes_ < room_for_frames) {
    char record[16 * 1024];  // what OpenSSL hands out at most
    std::size_t count = 0;
    const auto progress = stream_.read(record, sizeof record, count);
    in_.append(record, count);
    if (progress == TlsStream::Progress::closed) closed_ = true;
    if (progress != TlsStream::Progress::done) break;
    last_heard_ = Clock::now();
    moved = true;
    parse_locked();
  }
  if (frames_bytes_ >= room_for_frames) last_heard_ = Clock::now();  // we don't listen, so it is not the peer's silence
  return moved;
}

void FramedPipe::parse_locked() {
  while (broken_.empty() && in_.size() - in_begin_ >= header_size) {
    const auto bytes = std::string_view(in_).substr(in_begin_);
    const auto kind = static_cast<std::uint8_t>(bytes[0]);
    const std::size_t length = length_at(bytes);
    if (kind > static_cast<std::uint8_t>(Kind::error) || length > largest_frame) {
      broken_ = fmt::format(
          "The other end of the pipe sent a frame of kind {} and {} bytes, which doesn't exist: another version?", kind,
          length);
      closed_ = true;
      break;
    }
    if (bytes.size() < header_size + length) break;
    if (kind != alive) {
      frames_.push_back({static_cast<Kind>(kind), std::string(bytes.substr(header_size, length))});
      frames_bytes_ += header_size + length;
    }
    in_begin_ += header_size + length;
  }
  drop_front(in_, in_begin_);
}

bool FramedPipe::take(Frame& frame) {
  const std::lock_guard lock(mutex_);
  if (!frames_.empty()) {
    frame = std::move(frames_.front());
    frames_.pop_front();
    frames_bytes_ -= header_size + frame.data.size();
    return true;
  }
  if (!broken_.empty()) throw Failure(broken_);
  if (closed_) throw Failure("The other end of the pipe is gone before its work was done: " + stream_.reason() + ".");
  return false;
}

void FramedPipe::check_silence(Clock::time_point waiting_since) {
  const std::lock_guard lock(mutex_);
  const auto quiet_for = Clock::now() - std::max(last_heard_, waiting_since);
  if (quiet_for < silence_) return;
  throw Failure(
      fmt::format("The other end of the pipe has been silent for {} s: its host or the network between has gone.",
                  std::chrono::duration_cast<std::chrono::seconds>(quiet_for).count()));
}

void FramedPipe::wait_a_moment() {
  pollfd waiting{stream_.socket(), events(), 0};
  ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(silence_.count() / 2 + 1, 1000)));
}

void FramedPipe::send(Kind kind, std::string_view data) {
  queue(kind, data);
  const auto since = Clock::now();
  // Small frames wait for nobody to read them, large ones must not pile up in memory.
  const std::size_t allowed = kind == Kind::bytes ? room_for_unsent : 0;
  for (move(); unsent() > allowed; move()) {
    {
      const std::lock_guard lock(mutex_);
      const auto failed =
          std::find_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.kind == Kind::error; });
      if (failed != frames_.end()) throw Failure("The other host said: " + failed->data);
      if (closed_)
        throw Failure("The other end of the pipe is gone before its work was done: " + stream_.reason() + ".");
    }
    check_silence(since);
    wait_a_moment();
  }
}

Pipe::Frame FramedPipe::receive() {
  const auto since = Clock::now();
  Frame frame;
  while (true) {
    move();
    if (take(frame)) return frame;
    check_silence(since);
    wait_a_moment();
  }
}

}  // namespace migrate
