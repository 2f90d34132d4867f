// run_command_through(): a program between its own descriptors and a pipe's frames, in one loop that never blocks on
// one side while the other has work.
#include "runner/agent/framed_pipe.h"
#include "runner/agent/output_lines.h"
#include "runner/agent/process.h"
#include "runner/agent/tls_pipe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t portion = 256 * 1024;
constexpr std::size_t most_unsent = 1 << 20;
constexpr std::chrono::milliseconds time_for_the_rest{500};  // a daemon that the program left may hold its descriptors
constexpr std::chrono::milliseconds time_for_the_verdict{500};  // between the end of a program's output and its own
constexpr std::chrono::milliseconds look_again{100};

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int number) : number_(number) {}
  OwnedFd(OwnedFd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~OwnedFd() { close(); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

struct FdPair {
  OwnedFd reads, writes;
};

FdPair new_fd_pair() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(std::string("Cannot start a program: ") + std::strerror(errno));
  ::fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);  // a wish: an unprivileged user's may not be granted
  return {OwnedFd(ends[0]), OwnedFd(ends[1])};
}

OwnedFd without_blocking(OwnedFd fd) {
  ::fcntl(fd.number(), F_SETFL, ::fcntl(fd.number(), F_GETFL) | O_NONBLOCK);
  return fd;
}

OwnedFd file_with(const std::string& input) {
  OwnedFd file(::memfd_create("input", MFD_CLOEXEC));
  if (!file.open() || ::write(file.number(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
      ::lseek(file.number(), 0, SEEK_SET) != 0) {
    throw Failure(std::string("Cannot hand a program its input: ") + std::strerror(errno));
  }
  return file;
}

/// A program's standard output or error.
class Captured {
 public:
  Captured(OwnedFd fd, const std::function<void(std::string_view)>& on_line)
      : fd_(without_blocking(std::move(fd))), lines_(on_line) {}

  /// True when anything came.
  bool read_some() {
    char bytes[16 * 1024];
    const auto count = fd_.open() ? ::read(fd_.number(), bytes, sizeof bytes) : -1;
    if (count == 0) fd_.close();
    if (count <= 0) return false;
    lines_.add({bytes, static_cast<std::size_t>(count)});
    return true;
  }
  void close() { fd_.close(); }
  int number() const { return fd_.number(); }
  bool open() const { return fd_.open(); }
  std::string text() { return lines_.finish(); }

 private:
  OwnedFd fd_;
  OutputLines lines_;
};

/// The loop's state. Every method moves what can be moved now, and says whether anything moved.
class ThroughRun {
 public:
  ThroughRun(FramedPipe& pipe, const Command& command, int in_fd, int out_fd,
             const std::function<void(std::string_view)>& on_line)
      : pipe_(pipe), own_end_(out_fd < 0), input_wanted_(in_fd >= 0) {
    auto into = new_fd_pair(), out_of = new_fd_pair(), output = new_fd_pair(), errors = new_fd_pair();
    const auto own_input = file_with(command.input);
    std::map<int, int> fds{{0, own_input.number()}, {1, output.writes.number()}, {2, errors.writes.number()}};
    if (in_fd >= 0) fds[in_fd] = into.reads.number();
    if (out_fd >= 0) fds[out_fd] = out_of.writes.number();
    child_.emplace(command, fds);
    if (in_fd >= 0) to_child_ = without_blocking(std::move(into.writes));
    if (out_fd >= 0) from_child_ = without_blocking(std::move(out_of.reads));
    if (out_fd != 1) output_.emplace(std::move(output.reads), on_line);
    errors_.emplace(std::move(errors.reads), on_line);
  }

  bool step() {
    bool moved = pipe_.move();
    moved = read_child() || moved;
    moved = write_child() || moved;
    moved = (output_ && output_->read_some()) || moved;
    moved = errors_->read_some() || moved;
    moved = note_end_of_child() || moved;
    return say_end() || moved;
  }

  bool finished() const { return ended_ && own_end_said_ && peer_ended_ && output_read() && pipe_.unsent() == 0; }
  bool failed() const { return ended_ && !exit_.ok() && output_read(); }
  std::uint64_t bytes() const { return bytes_; }

  void wait(Clock::time_point since) {
    pipe_.check_silence(since);
    std::vector<pollfd> fds{{pipe_.socket(), pipe_.events(), 0}};
    if (!ended_ && child_->end_fd() >= 0) fds.push_back({child_->end_fd(), POLLIN, 0});
    if (from_child_.open() && pipe_.unsent() < most_unsent) fds.push_back({from_child_.number(), POLLIN, 0});
    if (to_child_.open() && !for_child_.empty()) fds.push_back({to_child_.number(), POLLOUT, 0});
    if (output_ && output_->open()) fds.push_back({output_->number(), POLLIN, 0});
    if (errors_->open()) fds.push_back({errors_->number(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), static_cast<int>(look_again.count()));
  }

  void end_child() { child_->end(ending_grace); }

  Exit result() {
    if (output_) exit_.out = output_->text();
    exit_.err = errors_->text();
    return std::move(exit_);
  }

 private:
  bool output_read() const { return !errors_->open() && (!output_ || !output_->open()) && !from_child_.open(); }

  bool read_child() {
    if (!from_child_.open() || pipe_.unsent() >= most_unsent) return false;
    buffer_.resize(portion);
    const auto count = ::read(from_child_.number(), buffer_.data(), buffer_.size());
    if (count < 0) return false;
    if (count == 0) {
      from_child_.close();
      own_end_ = true;
      output_ended_at_ = Clock::now();
      return true;
    }
    pipe_.queue(Pipe::Kind::bytes, std::string_view(buffer_).substr(0, static_cast<std::size_t>(count)));
    bytes_ += static_cast<std::uint64_t>(count);
    return true;
  }

  bool write_child() {
    bool moved = false;
    if (for_child_.empty() && !peer_ended_) moved = take_frame();
    if (!for_child_.empty() && !to_child_.open()) for_child_.clear();  // the program wants no more: read and dropped
    if (!for_child_.empty()) {
      const auto rest = std::string_view(for_child_).substr(written_);
      const auto count = ::write(to_child_.number(), rest.data(), rest.size());
      if (count < 0 && errno != EAGAIN && errno != EINTR) to_child_.close();
      if (count <= 0) return moved;
      written_ += static_cast<std::size_t>(count);
      moved = true;
      if (written_ < for_child_.size()) return true;
      for_child_.clear();
    }
    if (peer_ended_) to_child_.close();
    return moved;
  }

  bool take_frame() {
    Pipe::Frame frame;
    if (!pipe_.take(frame)) return false;
    switch (frame.kind) {
      case Pipe::Kind::bytes:
        bytes_ += frame.data.size();
        for_child_ = std::move(frame.data);
        written_ = 0;
        if (!input_wanted_) throw Failure("The other host sent data that nothing here was to read.");
        break;
      case Pipe::Kind::end:
        peer_ended_ = true;
        break;
      case Pipe::Kind::error:
        throw Failure("The other host said: " + frame.data);
      case Pipe::Kind::note:
        throw Failure("The other host sent a message in the middle of the data.");
    }
    return true;
  }

  bool note_end_of_child() {
    if (ended_) {
      // What is still open after a while belongs to somebody whom the program left behind.
      if (output_read() || Clock::now() < ended_at_ + time_for_the_rest) return false;
      if (output_) output_->close();
      errors_->close();
      from_child_.close();
      return own_end_ = true;
    }
    if (!child_->has_ended()) return false;
    exit_ = child_->wait();
    ended_ = true;
    ended_at_ = Clock::now();
    to_child_.close();
    return true;
  }

  /// `end` tells the peer that all is there. So it waits for the program's verdict, unless the program closed its
  /// output and stays: then it may be waiting for the peer's `end`.
  bool say_end() {
    if (own_end_said_ || !own_end_) return false;
    const bool stays = !ended_ && from_child_was_used() && Clock::now() > output_ended_at_ + time_for_the_verdict;
    if (!stays && !(ended_ && exit_.ok())) return false;
    pipe_.queue(Pipe::Kind::end, "");
    return own_end_said_ = true;
  }
  bool from_child_was_used() const { return output_ended_at_ != Clock::time_point{}; }

  FramedPipe& pipe_;
  std::optional<ChildProcess> child_;
  OwnedFd to_child_, from_child_;
  std::optional<Captured> output_, errors_;
  std::string buffer_, for_child_;  // for_child_: a frame on its way into the program
  std::size_t written_ = 0;
  std::uint64_t bytes_ = 0;
  bool own_end_;  // all that the program writes has been queued
  bool own_end_said_ = false;
  bool input_wanted_;
  bool peer_ended_ = false;
  bool ended_ = false;
  Clock::time_point ended_at_, output_ended_at_;
  Exit exit_;
};

}  // namespace

Exit run_command_through(Pipe& pipe, const Command& command, int in_fd, int out_fd, std::chrono::milliseconds timeout,
                         const std::function<void(std::uint64_t done)>& on_bytes,
                         const std::function<void(std::string_view)>& on_line) {
  auto* framed = dynamic_cast<FramedPipe*>(&pipe);
  if (!framed)
    throw Failure("A program can only be run through a pipe that was made by accept_tls_pipe or connect_tls_pipe.");
  ThroughRun run(*framed, command, in_fd, out_fd, command.stream ? on_line : nullptr);
  const auto began = Clock::now();
  auto moved_at = began;
  std::uint64_t told = 0;
  while (!run.finished() && !run.failed()) {
    if (timeout.count() > 0 && Clock::now() - began >= timeout) {
      run.end_child();
      Exit exit = run.result();
      exit.timed_out = true;
      return exit;
    }
    if (run.step()) {
      moved_at = Clock::now();
      if (on_bytes && run.bytes() != told) on_bytes(told = run.bytes());
    } else {
      run.wait(moved_at);
    }
  }
  return run.result();
}

}  // namespace migrate
