#include "steps/pg_contents.h"
#include "steps/pg_copy_seats.h"
#include "steps/pg_databases.h"
#include "steps/pipe_talk.h"

#include <fmt/format.h>

#include <sstream>

namespace migrate {
namespace {

/// One session holds the snapshot open: pg_dump reads it from there, and afterwards the same session counts it.
/// pg_dump's output goes to descriptor 3, the pipe. Uncompressed: TLS on one core carries more than gzip on one core
/// makes.
std::string dump_and_count() {
  return fmt::format(
      R"(BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
SELECT '{{"part":"before"}}';
{1}
\! pg_dump -w --format=custom --compress=0 --snapshot="$SNAPSHOT" </dev/null >&3; echo "{{\"dumped\":$?}}"
SELECT '{{"part":"after"}}';
{0}
{1}
COMMIT;
SELECT '{{"part":"complete"}}';
)",
      print_tables, print_sequences);
}

struct Counted {
  PgContents before, after;
  bool dumped = false, complete = false;
};

/// The shell's line may come ahead of psql's own: what decides is what a line says.
Counted counted_in(const std::string& output) {
  Counted counted;
  PgContents* part = nullptr;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line == R"({"dumped":0})")
      counted.dumped = true;
    else if (line == R"({"part":"before"})")
      part = &counted.before;
    else if (line == R"({"part":"after"})")
      part = &counted.after;
    else if (line == R"({"part":"complete"})")
      counted.complete = part == &counted.after;
    else if (part)
      add_line(*part, line);
  }
  return counted;
}

class PgCopySource : public Action {
 public:
  explicit PgCopySource(PgCopyOrder order) : order_(std::move(order)) {}

  /// What is in the database isn't part of the state: the service may still be writing, and nothing is changed here.
  State probe(System& system) const override {
    const Postgres postgres(system, order_.from);
    const PgDatabase database = look_at(postgres);
    const auto tables = postgres.rows(order_.from_name, "SELECT count(*) AS n FROM pg_stat_user_tables")
                            .at(0)
                            .at("n")
                            .to_number<std::uint64_t>();
    system.log(fmt::format("{}: {} tables, {} bytes, PostgreSQL {}", order_.from_name, tables, database.bytes,
                           postgres.version()));
    return {{database_key(order_.from_name), boost::json::object{{"owner", database.owner},
                                                                 {"encoding", database.encoding},
                                                                 {"collate", database.collate},
                                                                 {"ctype", database.ctype}}}};
  }

  /// '~' although nothing changes here: an '=' would mean that there is nothing to do, and apply() has to send.
  Change plan(const State&) const override {
    Change change;
    change.mark = '~';
    change.summary = order_.from_name + " is read and sent; nothing changes here";
    change.undo = "nothing";
    return change;
  }

  boost::json::object apply(System& system, const State&) const override {
    const auto pipe = system.connect_pipe();
    telling_failures(*pipe, [&] { send(system, *pipe); });
    return {};
  }

  void verify(System&, const State&, const boost::json::object&) const override {}
  void undo(System&, const State&) const override {}

 private:
  PgDatabase look_at(const Postgres& postgres) const {
    postgres.require({"psql", "pg_dump"});
    const auto database = find_database(postgres, order_.from_name);
    if (!database) throw Failure("There is no database " + order_.from_name + " on this host.");
    if (database->icu) throw Failure(order_.from_name + " uses a locale of ICU, which pg.copy doesn't support yet.");
    if (order_.create_owner && !role_exists(postgres, order_.owner)) {
      throw Failure(
          fmt::format("There is no role {} on this host, so the target's cannot be made after it.", order_.owner));
    }
    return *database;
  }

  void send(System& system, Pipe& pipe) const {
    const Postgres postgres(system, order_.from);
    const PgDatabase database = look_at(postgres);
    system.progress(0, database.bytes);
    tell_what_stays(system, postgres);
    send_note(pipe, description(postgres, database));
    receive_note(pipe);  // the target is ready
    Command psql = postgres.command({"psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-"},
                                    order_.from_name);
    psql.input = dump_and_count();
    const Exit exit = system.run_through(pipe, psql, -1, 3);
    const Counted counted = counted_in(exit.out);
    if (!exit.ok() || !counted.dumped) {
      throw Failure(fmt::format("Cannot dump {}: {}", order_.from_name,
                                exit.timed_out ? "its time is over." : first_error(exit.err)),
                    "pg_dump", exit.code);
    }
    if (!counted.complete)
      throw Failure(fmt::format("There are too many tables in {} to be counted.", order_.from_name));
    send_note(pipe, {{"before", to_json(counted.before)}, {"after", to_json(counted.after)}});
  }

  boost::json::object description(const Postgres& postgres, const PgDatabase& database) const {
    boost::json::array roles;
    const auto needed =
        postgres.rows(order_.from_name,
                      "SELECT DISTINCT r.rolname AS role FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
                      "WHERE d.refclassid = 'pg_authid'::regclass AND r.rolname !~ '^pg_' AND d.dbid = "
                      "(SELECT oid FROM pg_database WHERE datname = current_database())");
    for (const auto& row : needed) roles.push_back(row.at("role"));
    boost::json::object note{{"version", postgres.version()}, {"owner", database.owner},
                             {"encoding", database.encoding}, {"collate", database.collate},
                             {"ctype", database.ctype},       {"bytes", database.bytes},
                             {"roles", std::move(roles)}};
    if (order_.create_owner) {
      note["role"] =
          postgres.rows(maintenance_database, "SELECT * FROM pg_authid WHERE rolname = " + quoted_text(order_.owner))
              .at(0);
    }
    return note;
  }

  /// pg_dump leaves out what belongs to the server: people shall know.
  void tell_what_stays(System& system, const Postgres& postgres) const {
    const auto left = postgres.rows(
        order_.from_name,
        "SELECT 'the setting ' || unnest(setconfig) AS what FROM pg_db_role_setting s JOIN pg_database d ON d.oid = "
        "s.setdatabase "
        "WHERE d.datname = current_database() UNION ALL SELECT 'the grant ' || unnest(datacl)::text FROM pg_database "
        "WHERE datname = current_database()");
    for (const auto& row : left) {
      system.log(fmt::format("Not copied: {} of the database {} itself.", std::string(row.at("what").as_string()),
                             order_.from_name));
    }
  }

  PgCopyOrder order_;
};

}  // namespace

std::unique_ptr<Action> make_pg_copy_source(PgCopyOrder order) {
  return std::make_unique<PgCopySource>(std::move(order));
}

}  // namespace migrate
