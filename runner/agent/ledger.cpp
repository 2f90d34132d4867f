#include "runner/agent/ledger.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <utility>

namespace migrate {
namespace {

constexpr int ledger_version = 1;
constexpr int busy_timeout_ms = 10000;
constexpr std::chrono::hours kept_for{24 * 90};

// Changing this: raise ledger_version and bring older databases up to it in prepare().
constexpr const char* schema = R"(
  CREATE TABLE IF NOT EXISTS jobs (
    unique_id TEXT PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, host TEXT NOT NULL, role TEXT NOT NULL,
    verb TEXT NOT NULL, attempt INTEGER NOT NULL, digest TEXT NOT NULL,
    boot TEXT NOT NULL, pid INTEGER NOT NULL, pid_started INTEGER NOT NULL,
    agent_pid INTEGER NOT NULL, agent_started INTEGER NOT NULL,
    started_at INTEGER NOT NULL,  -- milliseconds since 1970
    outcome TEXT, ended_at INTEGER
  ) WITHOUT ROWID;
)";

std::int64_t to_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::string describe(const SQLite::Exception& error) {
  std::string text = error.what();
  if (error.getErrorCode() == SQLITE_FULL) text += " (the file system is full: free some space)";
  if (error.getErrorCode() == SQLITE_READONLY) text += " (its folder or file system cannot be written)";
  if (error.getErrorCode() == SQLITE_NOTADB || error.getErrorCode() == SQLITE_CORRUPT) {
    text += " (it is damaged: move it away once you know that no job of an unfinished run is in it)";
  }
  return text;
}

void prepare(SQLite::Database& db, const std::string& path) {
  db.setBusyTimeout(busy_timeout_ms);
  const int version = db.execAndGet("PRAGMA user_version").getInt();
  if (version > ledger_version) {
    throw Failure("The agent's ledger " + path + " was written by a newer migrate (format " + std::to_string(version) +
                  ", this one knows " + std::to_string(ledger_version) +
                  "). It is left as it is; use the newer program.");
  }
  db.exec("PRAGMA journal_mode=WAL");
  db.exec("PRAGMA synchronous=FULL");
  if (version == ledger_version) return;
  db.exec(std::string("BEGIN IMMEDIATE;") + schema + "PRAGMA user_version=" + std::to_string(ledger_version) +
          ";COMMIT");
}

}  // namespace

struct Ledger::Database {
  explicit Database(std::string file)
      : path(std::move(file)), db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_timeout_ms) {
    prepare(db, path);
    insert.emplace(db,
                   "INSERT INTO jobs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL) ON CONFLICT(unique_id) DO NOTHING");
    update.emplace(db, "UPDATE jobs SET outcome=?, ended_at=? WHERE unique_id=?");
    select.emplace(db, "SELECT * FROM jobs WHERE unique_id=?");
    open_batch.emplace(db, "BEGIN IMMEDIATE");
    close_batch.emplace(db, "COMMIT");
  }

  /// Runs `work`; on an error drops the open batch and throws Failure.
  template <typename Work>
  auto guarded(const char* what, Work work) {
    try {
      return work();
    } catch (const SQLite::Exception& error) {
      const std::string problem =
          std::string("The agent's ledger ") + path + " cannot be " + what + ": " + describe(error) + ".";
      if (writes > 0) lost = problem;
      drop_batch();
      throw Failure(problem);
    }
  }

  void drop_batch() {
    for (auto* statement : {&insert, &update, &select, &open_batch, &close_batch}) (*statement)->tryReset();
    if (sqlite3_get_autocommit(db.getHandle()) == 0) db.tryExec("ROLLBACK");
    batch_is_open = false;
    writes = 0;
  }

  void need_batch() {
    if (!lost.empty()) throw Failure(lost);
    if (batch_is_open) return;
    open_batch->exec();
    open_batch->reset();
    batch_is_open = true;
  }

  std::string path;
  SQLite::Database db;
  std::optional<SQLite::Statement> insert, update, select, open_batch, close_batch;
  bool batch_is_open = false;
  int writes = 0;    // in the open batch
  std::string lost;  // why writes of this batch are lost, until commit() has said so
};

Ledger::Ledger(const std::string& folder) {
  const std::string path = folder + "/ledger.db";
  try {
    database_ = std::make_unique<Database>(path);
    SQLite::Statement prune(database_->db, "DELETE FROM jobs WHERE coalesce(ended_at, started_at) < ?");
    prune.bind(1, to_ms(std::chrono::system_clock::now() - kept_for));
    prune.exec();
  } catch (const SQLite::Exception& error) {
    throw Failure("The agent's ledger " + path + " cannot be opened: " + describe(error) + ".");
  }
}

Ledger::~Ledger() = default;

std::optional<LedgerRow> Ledger::find(const std::string& unique) const {
  return database_->guarded("read", [&]() -> std::optional<LedgerRow> {
    auto& row = *database_->select;
    row.reset();
    row.bind(1, unique);
    if (!row.executeStep()) return row.reset(), std::nullopt;
    LedgerRow found;
    found.unique = unique;
    found.run = row.getColumn("run").getString();
    found.step = row.getColumn("step").getString();
    found.host = row.getColumn("host").getString();
    found.role = row.getColumn("role").getString();
    found.verb = verb_from_text(row.getColumn("verb").getString());
    found.attempt = row.getColumn("attempt").getInt();
    found.digest = row.getColumn("digest").getString();
    const std::string boot = row.getColumn("boot").getString();
    found.process = {row.getColumn("pid").getInt(), row.getColumn("pid_started").getInt64(), boot};
    found.agent = {row.getColumn("agent_pid").getInt(), row.getColumn("agent_started").getInt64(), boot};
    found.started_at =
        std::chrono::system_clock::time_point(std::chrono::milliseconds(row.getColumn("started_at").getInt64()));
    if (!row.getColumn("outcome").isNull()) found.outcome = outcome_from_payload(row.getColumn("outcome").getString());
    row.reset();
    return found;
  });
}

bool Ledger::begin(const LedgerRow& row) {
  return database_->guarded("written", [&] {
    database_->need_batch();
    auto& insert = *database_->insert;
    insert.reset();
    int at = 0;
    for (const auto& text : {row.unique, row.run, row.step, row.host, row.role, std::string(to_text(row.verb))}) {
      insert.bind(++at, text);
    }
    insert.bind(++at, row.attempt);
    insert.bind(++at, row.digest);
    insert.bind(++at, row.process.boot);
    insert.bind(++at, row.process.pid);
    insert.bind(++at, row.process.started);
    insert.bind(++at, row.agent.pid);
    insert.bind(++at, row.agent.started);
    insert.bind(++at, to_ms(row.started_at));
    const int inserted = insert.exec();
    insert.reset();
    database_->writes += inserted;
    if (database_->writes == 0) database_->drop_batch();  // nobody will commit it, and it holds the lock
    return inserted == 1;
  });
}

void Ledger::end(const std::string& unique, const Outcome& outcome) {
  database_->guarded("written", [&] {
    database_->need_batch();
    auto& update = *database_->update;
    update.reset();
    update.bind(1, to_payload(outcome));
    update.bind(2, to_ms(std::chrono::system_clock::now()));
    update.bind(3, unique);
    update.exec();
    update.reset();
    ++database_->writes;
  });
}

void Ledger::commit() {
  if (!database_->lost.empty()) throw Failure(std::exchange(database_->lost, {}));
  if (!database_->batch_is_open) return;
  try {
    database_->guarded("written", [&] {
      database_->close_batch->exec();
      database_->close_batch->reset();
    });
  } catch (const Failure&) {
    database_->lost.clear();
    throw;
  }
  database_->batch_is_open = false;
  database_->writes = 0;
}

}  // namespace migrate
