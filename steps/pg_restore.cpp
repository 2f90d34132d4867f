#include "steps/pg_restore.h"

#include "steps/printable.h"

#include <fmt/format.h>

#include <cstdlib>

namespace migrate {
namespace {

void require_room(System& system, const std::string& folder, std::uint64_t bytes) {
  Command df;
  df.argv = {"df", "-B1", "--output=avail", "--", folder};
  df.reads_only = true;
  const Exit exit = system.run(df);
  const auto line = exit.out.rfind('\n', exit.out.size() < 2 ? 0 : exit.out.size() - 2);
  const auto free = std::strtoull(exit.out.c_str() + (line == std::string::npos ? 0 : line + 1), nullptr, 10);
  if (!exit.ok()) throw Failure("Cannot see how much room there is in " + folder + ": " + last_lines(exit.err, 1, ""));
  if (free > bytes) return;
  throw Failure(fmt::format(
      "jobs above 1 keep the dump in {} for a while: {} bytes are needed there, {} are free. With jobs: 1 it is "
      "restored as it streams in.",
      folder, bytes, free));
}

void require_restored(const Exit& exit, const std::string& name) {
  if (exit.ok()) return;
  throw Failure(
      fmt::format("Cannot restore into {}: {}", name, exit.timed_out ? "its time is over." : first_error(exit.err)),
      "pg_restore", exit.code);
}

}  // namespace

void restore_from_pipe(System& system, Pipe& pipe, const Postgres& postgres, const std::string& name, int jobs,
                       const std::string& spool, std::uint64_t bytes) {
  std::vector<std::string> restore{"pg_restore", "-w", "--exit-on-error", "-d", connection_text(name)};
  if (jobs == 1) return require_restored(system.run_through(pipe, postgres.command(restore, name), 0, -1), name);
  require_room(system, spool.substr(0, spool.rfind('/')), bytes);
  const std::string file = spool + "/dump";
  // As the user who will read it: the file may hold all of the database.
  const auto keep = postgres.command({"sh", "-c", "umask 077 && mkdir \"$1\" && cat >\"$1/dump\"", "sh", spool}, name);
  const Exit kept = system.run_through(pipe, keep, 0, -1);
  if (!kept.ok())
    throw Failure("Cannot keep the dump in " + spool + ": " + last_lines(kept.err, 2, ""), "cat", kept.code);
  restore.insert(restore.end(), {fmt::format("--jobs={}", jobs), file});
  require_restored(system.run(postgres.command(restore, name)), name);
  remove_spool(system, spool);
}

void remove_spool(System& system, const std::string& spool) {
  if (!system.status(spool)) return;
  Command remove;
  remove.argv = {"rm", "-rf", "--", spool};
  if (const Exit exit = system.run(remove); !exit.ok())
    throw Failure("Cannot remove " + spool + ": " + last_lines(exit.err, 1, ""));
}

}  // namespace migrate
