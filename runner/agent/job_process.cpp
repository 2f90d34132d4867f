#include "runner/agent/job_process.h"

#include "runner/agent/inherited.h"
#include "runner/agent/process.h"
#include "runner/agent/real_system.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace migrate {
namespace {

constexpr std::size_t header_size = 1 + sizeof(std::uint32_t);
constexpr int most_jobs_of_a_process = 100;  // a leak stays small

/// Without an agent that listens there is nobody to tell, and no ledger to remember it: the process ends.
void write_all_or_exit(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) ::_exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void send_frame(int fd, JobFrame::Kind kind, std::string_view payload) {
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::string frame(header_size, static_cast<char>(kind));
  std::memcpy(frame.data() + 1, &length, sizeof length);
  frame += payload;
  write_all_or_exit(fd, frame);
}

JobFrame::Kind frame_kind(JobMessage::Kind kind) {
  switch (kind) {
    case JobMessage::Kind::offer:
      return JobFrame::Kind::offer;
    case JobMessage::Kind::progress:
      return JobFrame::Kind::progress;
    case JobMessage::Kind::output:
      break;
  }
  return JobFrame::Kind::output;
}

void read_all_or_exit(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(fd, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    to += got;
    size -= static_cast<std::size_t>(got);
  }
}

Job wait_for_job(int fd) {
  std::uint32_t length = 0;
  read_all_or_exit(fd, reinterpret_cast<char*>(&length), sizeof length);
  std::string payload(length, '\0');
  read_all_or_exit(fd, payload.data(), payload.size());
  return job_from_payload(payload);
}

void leave_the_agent(int fd, pid_t agent) {
  ::setsid();
  reset_signals();
  ::signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error to report, not the end of the job
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != agent) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(nothing, 1);
  close_descriptors_except({fd});
  ::umask(022);
}

/// noexcept: an exception must end this process, not unwind into the copy of the agent below it.
[[noreturn]] void be_the_job(int fd, pid_t agent, const std::string& state_folder, const ActionFactory& make) noexcept {
  leave_the_agent(fd, agent);
  const auto send = [fd](const JobMessage& message) { send_frame(fd, frame_kind(message.kind), to_payload(message)); };
  ChildProcess::before_the_first([fd] { send_frame(fd, JobFrame::Kind::busy, {}); });
  for (int jobs = 1;; ++jobs) {
    const Job job = wait_for_job(fd);
    const Outcome outcome = carry_out(job, *make_real_system(job, state_folder, send), make);
    // One that went well and left nothing behind may serve again. Any doubt costs a fork, not a surprise.
    const bool again = outcome.kind == Outcome::Kind::done && job.role.empty() && !ChildProcess::any_was_started() &&
                       jobs < most_jobs_of_a_process;
    send_frame(fd, again ? JobFrame::Kind::outcome_and_ready : JobFrame::Kind::outcome, to_payload(outcome));
    if (!again) ::_exit(0);
  }
}

}  // namespace

std::string go_message(const Job& job) {
  const std::string payload = to_payload(job);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::string message(sizeof length, '\0');
  std::memcpy(message.data(), &length, sizeof length);
  return message + payload;
}

std::optional<JobFrame> JobFrameReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  std::uint32_t length = 0;
  if (rest.size() >= header_size) std::memcpy(&length, rest.data() + 1, sizeof length);
  if (rest.size() < header_size || rest.size() - header_size < length) {
    buffer_.erase(0, at_);
    at_ = 0;
    return std::nullopt;
  }
  at_ += header_size + length;
  return JobFrame{static_cast<JobFrame::Kind>(rest.front()), std::string(rest.substr(header_size, length))};
}

JobProcess fork_job_process(const std::string& state_folder, const ActionFactory& make) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Failure(std::string("Cannot make a socket to the job's process: ") + std::strerror(errno) + ".");
  }
  const pid_t agent = ::getpid();
  pid_t pid = -1;
  int error = 0;
  {
    const BlockedSignals blocked;
    pid = ::fork();
    error = errno;
    if (pid == 0) be_the_job(ends[1], agent, state_folder, make);
  }
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    throw Failure(std::string("Cannot make a process for the job: ") + std::strerror(error) + ".");
  }
  return {identity_of(pid), ends[0]};
}

}  // namespace migrate
