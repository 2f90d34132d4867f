// The journal: an append-only record of every run of this user on this machine, in one SQLite database (WAL,
// synchronous=FULL). What append() has returned from survives a power cut. docs/journal.md describes the tables.
//
// Changing the format: raise `journal_version`, add a step to migrate_format() in journal.cpp, keep reading the old
// one, and add a golden database to tests/golden/journal. A journal from a newer version is refused, never touched.
#pragma once

#include "runner/wire/record.h"

#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace migrate {

inline constexpr int journal_version = 1;

/// What went wrong with the state directory or the database, in a sentence with the path and what to do.
class JournalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The plan as it was when the run began; all that load_plan() needs to make it again.
struct RunSnapshot {
  std::string id;  // "7f3a90c1": eight hex digits; people may shorten it where it is clear which run is meant
  std::string plan_name;
  std::string file;  // the plan's path as given
  std::string text;
  std::string digest;
  boost::json::object vars;         // name -> text, from --var
  boost::json::object files;        // path -> base64: the files beside the plan that it names
  boost::json::object environment;  // name -> text: what ${{ env.NAME }} was
  std::chrono::system_clock::time_point begun;
  std::string operator_name;  // user@machine
};

class Journal {
 public:
  /// Opens or makes STATE/journal.db. Throws JournalError.
  explicit Journal(const std::string& state_folder);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Gives the run its id and stores the snapshot, durably.
  std::string create_run(RunSnapshot snapshot);
  /// One commit for all of them; they are on disk when this returns. Sets each record's sequence.
  void append(const std::string& run, std::vector<Record>& records);

  std::vector<Record> records(const std::string& run) const;
  /// Newest first.
  std::vector<RunSnapshot> runs() const;
  /// By id or unambiguous beginning of it; "" means the newest. Throws JournalError when there is none.
  RunSnapshot find_run(const std::string& id) const;

  const std::string& state_folder() const { return folder_; }

 private:
  struct Database;
  std::string folder_;
  std::unique_ptr<Database> database_;
};

/// $MIGRATE_STATE, else $XDG_STATE_HOME/migrate, else ~/.local/state/migrate.
std::string default_state_folder();

}  // namespace migrate
