#include "runner/agent/earlier_job.h"

#include "runner/agent/process.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace migrate {
namespace {

constexpr std::chrono::milliseconds look_again{20};

/// Programs that outlived their job's process. Not those of a later process that was given the same number: its
/// session would have a leader, or members that are older than the job.
std::vector<int> orphans_of(const ProcessIdentity& process) {
  const ProcessIdentity now = identity_of(process.pid);
  if (now.boot != process.boot || (now.started != 0 && now.started != process.started)) return {};
  std::vector<int> pids = session_members(process.pid);
  std::erase_if(pids, [&](int pid) { return identity_of(pid).started < process.started; });
  return pids;
}

bool end_orphans(const ProcessIdentity& process) {
  auto pids = orphans_of(process);
  const bool any = !pids.empty();
  const auto patience_ends = std::chrono::steady_clock::now() + ending_grace;
  for (const int pid : pids) ::kill(pid, SIGTERM);
  while (!pids.empty() && std::chrono::steady_clock::now() < patience_ends) {
    ::usleep(static_cast<useconds_t>(look_again.count() * 1000));
    pids = orphans_of(process);
  }
  for (const int pid : pids) ::kill(pid, SIGKILL);
  return any;
}

Outcome interrupted(const LedgerRow& row, bool ended_orphans) {
  const auto begun = std::chrono::floor<std::chrono::seconds>(row.started_at);
  Outcome outcome;
  outcome.kind = Outcome::Kind::interrupted;
  outcome.error =
      fmt::format("It was begun at {:%Y-%m-%d %H:%M:%S} UTC and did not end: {}. Part of it may have happened.", begun,
                  row.process.boot == identity_of(0).boot ? "its process is gone and left no outcome"
                                                          : "the host was started again since");
  if (ended_orphans) outcome.error += " Programs of it that still ran were ended now.";
  return outcome;
}

}  // namespace

std::optional<Outcome> settle_earlier_job(Ledger& ledger, const LedgerRow& row, const ProcessIdentity& this_agent) {
  std::optional<Outcome> outcome = row.outcome;
  if (!outcome) {
    const bool is_ours = row.agent.pid == this_agent.pid && row.agent.started == this_agent.started;
    // An agent that lives has the outcome, or will have it: it writes it when the job's process ends.
    if (still_runs(row.process) || (!is_ours && still_runs(row.agent))) return std::nullopt;
    outcome = interrupted(row, end_orphans(row.process));
    ledger.end(row.unique, *outcome);
  }
  outcome->from_ledger = true;
  return outcome;
}

}  // namespace migrate
