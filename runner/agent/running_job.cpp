#include "runner/agent/running_job.h"

#include "runner/agent/mask.h"
#include "runner/agent/process.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace migrate {
namespace {

constexpr std::chrono::milliseconds look_again{20};
constexpr std::chrono::milliseconds wait_for_killed{300};
constexpr std::chrono::milliseconds wait_for_lingering{5000};

/// The programs of a job: all of its session but the job's own process.
std::vector<int> programs_of(int session) {
  std::vector<int> pids = session_members(session);
  std::erase(pids, session);
  return pids;
}

Outcome failed(std::string error) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = std::move(error);
  return outcome;
}

Outcome outcome_of_death(int status) {
  if (!WIFSIGNALED(status)) {
    return failed("The job's process ended with code " + std::to_string(WEXITSTATUS(status)) +
                  " and without saying how the job went.");
  }
  const int number = WTERMSIG(status);
  const char* guess = number == SIGKILL                        ? " (out of memory?)"
                      : number == SIGSEGV || number == SIGABRT ? " (a defect in migrate)"
                                                               : "";
  return failed("The job's process was killed by signal " + std::to_string(number) + " (" + ::strsignal(number) + ")" +
                guess + ".");
}

Outcome read_outcome(const std::string& payload) {
  try {
    return outcome_from_payload(payload);
  } catch (const std::exception& error) {
    return failed(std::string("The job ended with an outcome that cannot be read: ") + error.what() + ".");
  }
}

}  // namespace

std::string in_words(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms % 1000 != 0) return std::to_string(ms) + " ms";
  if (ms < 120'000) return std::to_string(ms / 1000) + " s";
  const auto minutes = ms / 60'000;
  const std::string rest = ms % 60'000 == 0 ? "" : " " + std::to_string(ms % 60'000 / 1000) + " s";
  if (minutes < 60) return std::to_string(minutes) + " min" + rest;
  return std::to_string(minutes / 60) + " h" + (minutes % 60 == 0 ? "" : " " + std::to_string(minutes % 60) + " min") +
         rest;
}

RunningJob::RunningJob(boost::asio::io_context& loop, Job job, JobProcess process, Events events)
    : job_(std::move(job)),
      process_(std::move(process)),
      events_(std::move(events)),
      socket_(loop, process_.fd),
      timer_(loop) {}

void RunningJob::go() {
  begun_ = std::chrono::steady_clock::now();
  boost::system::error_code ignored;  // a process that is gone already shows by the end of its frames
  boost::asio::write(socket_, boost::asio::buffer(go_message(job_)), ignored);
  timer_.expires_after(job_.timeout);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->time_out();
  });
  read_more();
}

void RunningJob::discard() {
  reported_ = true;
  socket_.close();
  ::kill(process_.identity.pid, SIGKILL);
  ::waitpid(process_.identity.pid, nullptr, 0);
}

void RunningJob::pause(bool paused) {
  paused_ = paused;
  read_more();
}

void RunningJob::read_more() {
  if (paused_ || reading_ || !socket_.is_open()) return;
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(buffer_),
                          [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                            self->reading_ = false;
                            if (error) return self->process_is_gone();
                            self->reader_.feed({self->buffer_.data(), size});
                            self->take_frames();
                            self->read_more();
                          });
}

void RunningJob::take_frames() {
  while (const auto frame = reader_.next()) {
    if (reported_) return;
    if (frame->kind == JobFrame::Kind::busy) {
      events_.busy();
      continue;
    }
    if (frame->kind == JobFrame::Kind::outcome_and_ready && !ending_) {
      ready_ = JobProcess{process_.identity, socket_.release()};
      return report(read_outcome(frame->payload));
    }
    if (frame->kind == JobFrame::Kind::outcome || frame->kind == JobFrame::Kind::outcome_and_ready) {
      return report(read_outcome(frame->payload));
    }
    if (frame->kind == JobFrame::Kind::offer) offer_ = frame;
    events_.message(*this, *frame);
  }
}

void RunningJob::time_out() {
  if (reported_ || ending_) return;
  Outcome outcome = failed("The job timed out after " + in_words(job_.timeout) + " and was ended.");
  const auto programs = programs_of(process_.identity.pid);
  if (!programs.empty()) {
    outcome.command = Mask(job_.masked)(command_line(programs.front()));
    outcome.error += " It was still running: " + outcome.command;
  }
  end_with(std::move(outcome));
}

void RunningJob::end_with(Outcome outcome) {
  if (reported_ || ending_) return;
  ending_ = std::move(outcome);
  paused_ = false;
  read_more();
  // The job itself is stopped, so that it starts nothing new and its programs get their time to end in peace: its own
  // death would be theirs at once.
  ::kill(process_.identity.pid, SIGSTOP);
  for (const int pid : programs_of(process_.identity.pid)) ::kill(pid, SIGTERM);
  kill_at_ = std::chrono::steady_clock::now() + ending_grace;
  look_whether_tree_ended();
}

void RunningJob::look_whether_tree_ended() {
  if (programs_of(process_.identity.pid).empty() || std::chrono::steady_clock::now() >= kill_at_) {
    kill_tree();
    return report_if_it_lingers();
  }
  timer_.expires_after(look_again);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->look_whether_tree_ended();
  });
}

void RunningJob::kill_tree() {
  const int session = process_.identity.pid;  // not reaped yet, so the number is still its own
  const auto patience_ends = std::chrono::steady_clock::now() + wait_for_killed;
  ::kill(session, SIGKILL);
  // Again and again: one that forks while we look has a child that we have not seen.
  for (auto pids = programs_of(session); !pids.empty(); pids = programs_of(session)) {
    for (const int pid : pids) ::kill(pid, SIGKILL);
    if (std::chrono::steady_clock::now() >= patience_ends) break;
    ::usleep(1000);
  }
}

/// SIGKILL waits for a system call that hangs in the kernel (a dead disk, a lost NFS server): we do not.
void RunningJob::report_if_it_lingers() {
  timer_.expires_after(wait_for_lingering);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->reported_) return;
    Outcome outcome = *self->ending_;
    outcome.error +=
        " Process " + std::to_string(self->process_.identity.pid) + " hangs in the kernel and could not be ended.";
    self->report(std::move(outcome));
  });
}

void RunningJob::process_is_gone() {
  if (!socket_.is_open()) return;
  timer_.cancel();
  socket_.close();
  // Its end of the socket closes only when it exits; should it ever not be so, it must not make us wait.
  ::kill(process_.identity.pid, SIGKILL);
  if (!reported_) kill_tree();
  int status = 0;
  while (::waitpid(process_.identity.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!reported_) report(ending_ ? *ending_ : outcome_of_death(status));
}

void RunningJob::report(Outcome outcome) {
  reported_ = true;
  timer_.cancel();
  if (outcome.duration_ms == 0) {
    const auto took = std::chrono::steady_clock::now() - begun_;
    outcome.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }
  events_.ended(*this, std::move(outcome));
}

}  // namespace migrate
