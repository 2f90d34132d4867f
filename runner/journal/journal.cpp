#include "runner/journal/journal.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <random>

namespace migrate {
namespace {

constexpr const char* tables = R"sql(
create table run (
  id          text primary key,
  plan_name   text not null,
  file        text not null,
  text        text not null,
  digest      text not null,
  vars        text not null,
  files       text not null,
  environment text not null,
  begun       integer not null,
  operator    text not null
) strict;
create table record (
  sequence integer primary key autoincrement,
  run      text not null references run (id),
  time     integer not null,
  kind     text not null,
  step     text not null,
  host     text not null,
  role     text not null,
  data     text not null
) strict;
create index record_of_run on record (run, sequence);
create trigger record_is_never_changed before update on record
  begin select raise(abort, 'the journal is append-only'); end;
create trigger record_is_never_removed before delete on record
  begin select raise(abort, 'the journal is append-only'); end;
)sql";

using Clock = std::chrono::system_clock;

Clock::time_point time_of(std::int64_t ms) { return Clock::time_point(std::chrono::milliseconds(ms)); }

std::string random_id(std::size_t digits) {
  std::random_device device;
  std::string id;
  while (id.size() < digits) id += fmt::format("{:04x}", device() & 0xffffu);
  return id.substr(0, digits);
}

/// Names and contents of files need not be UTF-8; they come back as they were written.
boost::json::object object_in(const std::string& text) {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;
  return boost::json::parse(text, {}, options).as_object();
}

RunSnapshot snapshot_of(SQLite::Statement& row) {
  RunSnapshot run;
  run.id = row.getColumn(0).getString();
  run.plan_name = row.getColumn(1).getString();
  run.file = row.getColumn(2).getString();
  run.text = row.getColumn(3).getString();
  run.digest = row.getColumn(4).getString();
  run.vars = object_in(row.getColumn(5).getString());
  run.files = object_in(row.getColumn(6).getString());
  run.environment = object_in(row.getColumn(7).getString());
  run.begun = time_of(row.getColumn(8).getInt64());
  run.operator_name = row.getColumn(9).getString();
  return run;
}

constexpr const char* run_columns =
    "select id, plan_name, file, text, digest, vars, files, environment, begun, operator from run ";

}  // namespace

struct Journal::Database {
  explicit Database(const std::string& path) : db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000) {
    const int found = db.execAndGet("pragma user_version").getInt();
    if (found > journal_version) {
      throw JournalError(
          fmt::format("{} was written by a newer version of migrate (format {}, this one knows {}): use that version",
                      path, found, journal_version));
    }
    db.exec("pragma journal_mode=wal");
    db.exec("pragma synchronous=full");
    db.exec("pragma foreign_keys=on");
    if (found == 0) {
      SQLite::Transaction all(db, SQLite::TransactionBehavior::EXCLUSIVE);
      if (db.execAndGet("pragma user_version").getInt() == 0) {
        db.exec(tables);
        db.exec(fmt::format("pragma user_version={}", journal_version));
      }
      all.commit();
    }
    insert = std::make_unique<SQLite::Statement>(
        db, "insert into record (run, time, kind, step, host, role, data) values (?, ?, ?, ?, ?, ?, ?)");
  }

  SQLite::Database db;
  std::unique_ptr<SQLite::Statement> insert;
};

Journal::Journal(const std::string& state_folder) : folder_(state_folder) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw JournalError("cannot make the state folder " + folder_ + ": " + error.message());
  ::chmod(folder_.c_str(), 0700);
  const std::string path = folder_ + "/journal.db";
  try {
    database_ = std::make_unique<Database>(path);
  } catch (const SQLite::Exception& wrong) {
    throw JournalError(
        fmt::format("cannot use the journal {}: {}. Nothing was changed. Set MIGRATE_STATE to use another folder", path,
                    wrong.what()));
  }
}

Journal::~Journal() = default;

std::string Journal::create_run(RunSnapshot run) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    // hosts remember jobs by it, also those of other people's journals: it must differ from theirs, too
    run.id = random_id(8);
    try {
      SQLite::Statement taken(database_->db, "select 1 from run where id = ?");
      taken.bind(1, run.id);
      if (taken.executeStep()) continue;
      SQLite::Statement add(database_->db, "insert into run values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
      add.bind(1, run.id);
      add.bind(2, run.plan_name);
      add.bind(3, run.file);
      add.bind(4, run.text);
      add.bind(5, run.digest);
      add.bind(6, boost::json::serialize(run.vars));
      add.bind(7, boost::json::serialize(run.files));
      add.bind(8, boost::json::serialize(run.environment));
      add.bind(9, milliseconds_since_1970(run.begun));
      add.bind(10, run.operator_name);
      add.exec();
      return run.id;
    } catch (const SQLite::Exception& wrong) {
      throw JournalError("cannot write to the journal in " + folder_ + ": " + wrong.what());
    }
  }
  throw JournalError("no free run id found in " + folder_);
}

void Journal::append(const std::string& run, std::vector<Record>& records) {
  if (records.empty()) return;
  try {
    SQLite::Transaction all(database_->db, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement& insert = *database_->insert;
    for (Record& record : records) {
      const std::string kind(to_text(record.kind));
      const std::string data = boost::json::serialize(record.data);
      insert.bind(1, run);
      insert.bind(2, milliseconds_since_1970(record.time));
      insert.bind(3, kind);
      insert.bind(4, record.step);
      insert.bind(5, record.host);
      insert.bind(6, record.role);
      insert.bind(7, data);
      insert.exec();
      insert.reset();
      record.sequence = database_->db.getLastInsertRowid();
    }
    all.commit();
  } catch (const SQLite::Exception& wrong) {
    throw JournalError("cannot write to the journal in " + folder_ + ": " + wrong.what() +
                       ". The run stops here, before it does anything that is not on record");
  }
}

std::vector<Record> Journal::records(const std::string& run) const {
  std::vector<Record> found;
  SQLite::Statement rows(
      database_->db, "select sequence, time, kind, step, host, role, data from record where run = ? order by sequence");
  rows.bind(1, run);
  while (rows.executeStep()) {
    Record record;
    record.sequence = rows.getColumn(0).getInt64();
    record.time = time_of(rows.getColumn(1).getInt64());
    record.kind = record_kind_from_text(rows.getColumn(2).getString());
    record.step = rows.getColumn(3).getString();
    record.host = rows.getColumn(4).getString();
    record.role = rows.getColumn(5).getString();
    record.data = object_in(rows.getColumn(6).getString());
    found.push_back(std::move(record));
  }
  return found;
}

std::vector<RunSnapshot> Journal::runs() const {
  std::vector<RunSnapshot> found;
  SQLite::Statement rows(database_->db, std::string(run_columns) + "order by begun desc, rowid desc");
  while (rows.executeStep()) found.push_back(snapshot_of(rows));
  return found;
}

RunSnapshot Journal::find_run(const std::string& id) const {
  std::vector<RunSnapshot> all = runs();
  if (all.empty()) throw JournalError("there is no run yet in " + folder_ + ": begin one with `migrate run PLAN`");
  if (id.empty()) return all.front();
  std::vector<RunSnapshot> matching;
  for (RunSnapshot& run : all) {
    if (run.id.starts_with(id)) matching.push_back(std::move(run));
  }
  if (matching.empty()) throw JournalError("there is no run " + id + ": `migrate runs` lists them");
  if (matching.size() > 1) throw JournalError("more than one run begins with " + id + ": `migrate runs` lists them");
  return matching.front();
}

std::string default_state_folder() {
  if (const char* state = std::getenv("MIGRATE_STATE"); state && *state) return state;
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg && *xdg) return std::string(xdg) + "/migrate";
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/root") + "/.local/state/migrate";
}

}  // namespace migrate
