// Why no library: Boost.Process v2's launcher leaks descriptors into programs and runs our destructors in the child
// when exec fails (so a launcher of our own is needed anyway), and its handle wants an event loop. A job's process has
// none: it waits for one program at a time, and a pid with a pidfd is all that poll() needs.
#include "runner/agent/process.h"

#include "runner/agent/inherited.h"
#include "runner/agent/launch.h"
#include "runner/agent/process_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace migrate {
namespace {

constexpr std::chrono::milliseconds destructor_grace{1000};
constexpr std::chrono::milliseconds look_again{10};

int reap(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// Waits until exec has closed the child's end, or the child says why there will be no exec.
LaunchError read_report(int fd) {
  LaunchError report;
  ssize_t size = 0;
  do {
    size = ::read(fd, &report, sizeof report);
  } while (size < 0 && errno == EINTR);
  ::close(fd);
  return size == sizeof report ? report : LaunchError{};
}

}  // namespace

namespace {
bool started_any = false;
std::function<void()> first_call;
}  // namespace

bool ChildProcess::any_was_started() { return started_any; }

void ChildProcess::before_the_first(std::function<void()> call) { first_call = std::move(call); }

ChildProcess::ChildProcess(const Command& command, const std::map<int, int>& fds) {
  if (!std::exchange(started_any, true) && first_call) first_call();
  const Launch launch = prepare_launch(command, fds);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0)
    throw Failure("Cannot start " + launch.program + ": " + std::strerror(errno) + ".");
  const pid_t self = ::getpid();
  int fork_error = 0;
  {
    const BlockedSignals blocked;
    pid_ = ::fork();
    fork_error = errno;
    if (pid_ == 0) become_program(launch, report[1], self);
  }
  ::close(report[1]);
  if (pid_ < 0) {
    ::close(report[0]);
    throw Failure("Cannot start " + launch.program + ": no process can be made: " + std::strerror(fork_error) + ".");
  }
  if (const LaunchError failed = read_report(report[0]); failed.error != 0) {
    reap(std::exchange(pid_, -1));
    throw Failure(describe(failed, launch, command), command.argv.front(), 127);
  }
  end_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    if (!has_ended()) end(destructor_grace);
    reap(pid_);
  }
  if (end_fd_ >= 0) ::close(end_fd_);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), end_fd_(std::exchange(other.end_fd_, -1)) {}

bool ChildProcess::has_ended() const {
  siginfo_t info{};
  return pid_ <= 0 ||
         (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0);
}

Exit ChildProcess::wait() {
  const int status = reap(std::exchange(pid_, -1));
  Exit exit;
  if (WIFSIGNALED(status)) {
    exit.signal = WTERMSIG(status);
    exit.code = 128 + exit.signal;
  } else {
    exit.code = WEXITSTATUS(status);
  }
  return exit;
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0) ::kill(-pid_, number);
}

void ChildProcess::end(std::chrono::milliseconds grace) {
  const auto patience_ends = std::chrono::steady_clock::now() + grace;
  signal(SIGTERM);
  while (!group_members(pid_).empty() && std::chrono::steady_clock::now() < patience_ends) {
    std::this_thread::sleep_for(look_again);
  }
  signal(SIGKILL);
}

}  // namespace migrate
