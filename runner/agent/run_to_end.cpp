#include "runner/agent/output_lines.h"
#include "runner/agent/process.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;

/// A program that is gone has said all; who still holds its output is a daemon that it left behind.
constexpr std::chrono::milliseconds wait_for_end_of_output{500};
constexpr std::chrono::milliseconds without_pidfd_look_every{20};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset(int fd) {
    close();
    fd_ = fd;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct PipePair {
  Descriptor reading, writing;
  void open() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0)
      throw Failure(std::string("Cannot make a pipe to a program: ") + std::strerror(errno) + ".");
    reading.reset(fds[0]);
    writing.reset(fds[1]);
  }
};

/// A program that doesn't read its input must not end us.
class IgnoredSigpipe {
 public:
  IgnoredSigpipe() {
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignored, &saved_);
  }
  ~IgnoredSigpipe() { ::sigaction(SIGPIPE, &saved_, nullptr); }
  IgnoredSigpipe(const IgnoredSigpipe&) = delete;
  IgnoredSigpipe& operator=(const IgnoredSigpipe&) = delete;

 private:
  struct sigaction saved_ {};
};

class Conversation {
 public:
  Conversation(const Command& command, std::chrono::milliseconds timeout,
               const std::function<void(std::string_view)>& on_line)
      : input_(command.input), out_(command.stream ? on_line : nullptr), err_(command.stream ? on_line : nullptr) {
    out_pipe_.open();
    err_pipe_.open();
    std::map<int, int> fds{{1, out_pipe_.writing.get()}, {2, err_pipe_.writing.get()}};
    if (!input_.empty()) {
      in_pipe_.open();
      ::fcntl(in_pipe_.writing.get(), F_SETFL, O_NONBLOCK);
      fds[0] = in_pipe_.reading.get();
    }
    child_.emplace(command, fds);
    in_pipe_.reading.close();
    out_pipe_.writing.close();
    err_pipe_.writing.close();
    if (timeout.count() > 0) next_signal_at_ = Clock::now() + timeout;
  }

  Exit run() {
    while (!is_over()) {
      turn();
      end_when_due();
    }
    Exit exit = child_->wait();
    exit.timed_out = timed_out_;
    exit.out = out_.finish();
    exit.err = err_.finish();
    return exit;
  }

 private:
  bool is_over() const {
    if (!ended_at_) return false;
    const bool all_read = !out_pipe_.reading.is_open() && !err_pipe_.reading.is_open();
    return all_read || Clock::now() >= *ended_at_ + wait_for_end_of_output;
  }

  void turn() {
    std::array<pollfd, 4> fds{{{out_pipe_.reading.get(), POLLIN, 0},
                               {err_pipe_.reading.get(), POLLIN, 0},
                               {in_pipe_.writing.get(), POLLOUT, 0},
                               {ended_at_ ? -1 : child_->end_fd(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), patience());
    if (fds[0].revents != 0) take(out_pipe_.reading, out_);
    if (fds[1].revents != 0) take(err_pipe_.reading, err_);
    if (fds[2].revents != 0) feed();
    if (!ended_at_ && (fds[3].revents != 0 || child_->end_fd() < 0) && child_->has_ended()) ended_at_ = Clock::now();
  }

  /// Milliseconds until something is due, for poll(); -1: nothing is.
  int patience() const {
    std::optional<Clock::time_point> due = next_signal_at_;
    if (ended_at_) due = *ended_at_ + wait_for_end_of_output;
    if (!ended_at_ && child_->end_fd() < 0) due = Clock::now() + without_pidfd_look_every;
    if (!due) return -1;
    return static_cast<int>(
        std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now()).count()));
  }

  void take(Descriptor& from, OutputLines& to) {
    const ssize_t size = ::read(from.get(), buffer_.data(), buffer_.size());
    if (size > 0) {
      to.add({buffer_.data(), static_cast<std::size_t>(size)});
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
      from.close();
    }
  }

  void feed() {
    const auto rest = input_.substr(fed_);
    const ssize_t size = ::write(in_pipe_.writing.get(), rest.data(), rest.size());
    if (size > 0) fed_ += static_cast<std::size_t>(size);
    const bool refused = size < 0 && errno != EINTR && errno != EAGAIN;
    if (refused || fed_ == input_.size()) in_pipe_.writing.close();
  }

  void end_when_due() {
    if (ended_at_ || !next_signal_at_ || Clock::now() < *next_signal_at_) return;
    child_->signal(timed_out_ ? SIGKILL : SIGTERM);
    next_signal_at_ = Clock::now() + ending_grace;
    timed_out_ = true;
  }

  IgnoredSigpipe sigpipe_;
  std::string_view input_;
  std::size_t fed_ = 0;
  OutputLines out_, err_;
  PipePair in_pipe_, out_pipe_, err_pipe_;
  std::array<char, 65536> buffer_;
  std::optional<ChildProcess> child_;
  std::optional<Clock::time_point> next_signal_at_, ended_at_;
  bool timed_out_ = false;
};

}  // namespace

Exit run_to_end(const Command& command, std::chrono::milliseconds timeout,
                const std::function<void(std::string_view)>& on_line) {
  return Conversation(command, timeout, on_line).run();
}

}  // namespace migrate
