#include "runner/agent/job_table.h"

#include "runner/agent/earlier_job.h"
#include "runner/agent/mask.h"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

namespace migrate {
namespace {

constexpr std::chrono::milliseconds look_in_ledger_every{200};

Outcome ended_as(Outcome::Kind kind, std::string error) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.error = std::move(error);
  return outcome;
}

/// For audit: which payload it was, without its secrets and without the address of the moment (the pipe's offer).
std::string digest_of(Job job) {
  const Mask mask(job.masked);
  job.masked.clear();
  job.pipe.reset();
  const std::string text = mask(to_payload(job));
  unsigned char digest[SHA256_DIGEST_LENGTH];
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace

JobTable::JobTable(boost::asio::io_context& loop, std::string state_folder, ActionFactory make, Events events)
    : loop_(loop),
      state_folder_(std::move(state_folder)),
      make_(std::move(make)),
      events_(std::move(events)),
      ledger_(state_folder_),
      self_(identity_of(::getpid())) {}

void JobTable::take(const std::string& handle, Job job) {
  const std::string unique = job.unique();
  if (const auto found = jobs_.find(unique); found != jobs_.end()) return attach(found->second, handle);
  const bool known = job.changes_something() && is_in_ledger(unique);
  if (!known && !job.settle) return begin(handle, std::move(job));
  jobs_[unique].handles.push_back(handle);
  if (!known) {
    const Outcome never = ended_as(Outcome::Kind::refused, "It was never begun on this host.");
    return boost::asio::post(loop_, [this, unique, never] { answer(unique, never); });
  }
  look_in_ledger(unique);
}

/// One that cannot be read counts as there: then look_in_ledger() says so, and nothing is done twice.
bool JobTable::is_in_ledger(const std::string& unique) const {
  try {
    return ledger_.find(unique).has_value();
  } catch (const std::exception&) {
    return true;
  }
}

void JobTable::attach(Entry& entry, const std::string& handle) {
  entry.handles.push_back(handle);
  if (entry.job && entry.job->offer()) {
    events_.message(handle, *entry.job->offer());
  }
}

namespace {

void end_idle(const JobProcess& process) {
  ::close(process.fd);
  ::kill(process.identity.pid, SIGKILL);
  ::waitpid(process.identity.pid, nullptr, 0);
}

}  // namespace

JobTable::~JobTable() {
  if (spare_) end_idle(*spare_);
}

void JobTable::keep_or_end(const JobProcess& process) {
  if (spare_) return end_idle(process);
  spare_ = process;
}

JobProcess JobTable::take_process() {
  if (spare_) {
    const JobProcess ready = *spare_;
    spare_.reset();
    if (::waitpid(ready.identity.pid, nullptr, WNOHANG) == 0) return ready;
    ::close(ready.fd);  // somebody has killed it
  }
  return fork_job_process(state_folder_, make_);
}

void JobTable::make_spare() {
  if (spare_) return;
  try {
    spare_ = fork_job_process(state_folder_, make_);
  } catch (const Failure&) {
    // the next job tries again, and says why it cannot
  }
}

void JobTable::begin(const std::string& handle, Job job) {
  const std::string unique = job.unique();
  JobProcess process = take_process();
  RunningJob::Events events{[this, unique](RunningJob&, const JobFrame& frame) { forward(unique, frame); },
                            [this, unique](RunningJob& ended, Outcome outcome) {
                              if (const auto ready = ended.take_ready_process()) keep_or_end(*ready);
                              job_ended(unique, ended.job(), outcome);
                            },
                            [this] { make_spare(); }};
  auto running = std::make_shared<RunningJob>(loop_, std::move(job), std::move(process), std::move(events));
  if (running->job().changes_something() && !enter_in_ledger(unique, *running)) {  // another agent was faster
    jobs_[unique].handles.push_back(handle);
    return wait_for_other_agent(unique);
  }
  Entry& entry = jobs_[unique];
  entry.handles.push_back(handle);
  entry.job = running;
  running->pause(paused_);
  if (!running->job().changes_something()) return running->go();
  commit_soon({[running] { running->go(); },
               [this, unique, running](const std::string& why) {
                 running->discard();
                 answer(unique, ended_as(Outcome::Kind::failed, why + " So the job was not begun; nothing was done."));
               }});
}

/// The process waits while its row becomes durable. False, or an exception: it was not entered, and the process is
/// gone.
bool JobTable::enter_in_ledger(const std::string& unique, RunningJob& running) {
  const Job& job = running.job();
  LedgerRow row;
  row.unique = unique;
  row.run = job.run;
  row.step = job.step;
  row.host = job.host;
  row.role = job.role;
  row.verb = job.verb;
  row.attempt = job.attempt;
  row.digest = digest_of(job);
  row.process = running.process();
  row.agent = self_;
  row.started_at = std::chrono::system_clock::now();
  try {
    if (ledger_.begin(row)) return true;
  } catch (const Failure&) {
    running.discard();
    throw;
  }
  running.discard();
  return false;
}

void JobTable::wait_for_other_agent(const std::string& unique) {
  auto& timer = jobs_[unique].look_again;
  timer = std::make_unique<boost::asio::steady_timer>(loop_, look_in_ledger_every);
  timer->async_wait([this, unique](const boost::system::error_code& error) {
    if (!error && jobs_.count(unique) != 0) look_in_ledger(unique);
  });
}

void JobTable::look_in_ledger(const std::string& unique) {
  try {
    const auto row = ledger_.find(unique);
    const auto outcome = row ? settle_earlier_job(ledger_, *row, self_) : std::nullopt;
    if (!outcome) return wait_for_other_agent(unique);
    const auto tell = [this, unique, outcome = *outcome] { answer(unique, outcome); };
    commit_soon({tell, [tell](const std::string&) { tell(); }});
  } catch (const std::exception& error) {
    answer(unique,
           ended_as(Outcome::Kind::lost,
                    std::string("Whether the job was carried out before cannot be told; nothing was done now. ") +
                        error.what()));
  }
}

void JobTable::forward(const std::string& unique, const JobFrame& frame) {
  for (const auto& handle : jobs_[unique].handles) events_.message(handle, frame);
}

void JobTable::job_ended(const std::string& unique, const Job& job, const Outcome& outcome) {
  if (!job.changes_something()) return answer(unique, outcome);
  std::string problem;
  try {
    ledger_.end(unique, outcome);
  } catch (const Failure& failure) {
    problem = failure.what();
  }
  // What happened has happened: it is told even when it could not be recorded here.
  const auto not_recorded = [this, unique, outcome](const std::string& why) {
    fmt::print(stderr, "migrate agent: {} The outcome of the job {} is told, but not recorded here.\n", why, unique);
    answer(unique, outcome);
  };
  if (!problem.empty()) return not_recorded(problem);
  commit_soon({[this, unique, outcome] { answer(unique, outcome); }, not_recorded});
}

void JobTable::answer(const std::string& unique, const Outcome& outcome) {
  const auto found = jobs_.find(unique);
  if (found != jobs_.end()) {  // else the connection ended meanwhile: nobody to tell
    const auto handles = std::move(found->second.handles);
    jobs_.erase(found);
    for (const auto& handle : handles) events_.outcome(handle, outcome);
    boost::asio::post(loop_,
                      [this] { make_spare(); });  // if there is none: while the controller writes down what it was told
  }
  events_.fewer();
}

void JobTable::commit_soon(Due due) {
  due_.push_back(std::move(due));
  if (due_.size() == 1) boost::asio::post(loop_, [this] { commit(); });
}

void JobTable::commit() {
  const auto due = std::exchange(due_, {});
  std::string problem;
  try {
    ledger_.commit();
  } catch (const Failure& failure) {
    problem = failure.what();
  }
  for (const auto& one : due) problem.empty() ? one.committed() : one.not_committed(problem);
}

void JobTable::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  for (const auto& [unique, entry] : jobs_) {
    if (entry.job) entry.job->pause(paused);
  }
}

void JobTable::end_all(const Outcome& outcome) {
  const auto running = [this] {
    std::vector<std::shared_ptr<RunningJob>> all;
    for (const auto& [unique, entry] : jobs_) {
      if (entry.job) all.push_back(entry.job);
    }
    return all;
  }();
  for (const auto& job : running) job->end_with(outcome);
}

void JobTable::forget_waiting() {
  std::erase_if(jobs_, [](const auto& one) { return !one.second.job; });
}

}  // namespace migrate
