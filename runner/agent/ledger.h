// The agent's own record of the jobs that change something: what makes a job happen at most once, whatever dies.
// A SQLite database in the agent's folder, shared by all agents that run there at the same time. Its format's version
// is `PRAGMA user_version`; a newer one is refused, never touched.
//
// Write first, act second: a job's process may begin only after begin() and commit(); its outcome may leave the host
// only after end() and commit(). The payload is never stored, for it may hold secrets: only a digest of it, for audit.
#pragma once

#include "runner/agent/process_tree.h"
#include "runner/wire/job.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace migrate {

struct LedgerRow {
  std::string unique;
  std::string run, step, host, role;
  Verb verb = Verb::apply;
  int attempt = 1;
  std::string digest;       // sha256 of the payload with secrets masked
  ProcessIdentity process;  // the job's
  ProcessIdentity agent;    // that will write the outcome
  std::chrono::system_clock::time_point started_at;
  std::optional<Outcome> outcome;  // none: it has not ended, or nobody was left to say how
};

class Ledger {
 public:
  /// Opens or makes `folder`/ledger.db and drops what is older than 90 days. Throws Failure.
  explicit Ledger(const std::string& folder);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  std::optional<LedgerRow> find(const std::string& unique) const;
  /// Both become durable at the next commit(), together. begin(): false when that id is there already (nothing is
  /// written then). When one throws Failure, all writes since the last commit are lost, and commit() will say so too.
  bool begin(const LedgerRow& row);
  void end(const std::string& unique, const Outcome& outcome);
  void commit();

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

}  // namespace migrate
