// The databases of a server, as wholes: what they are, who is in them, and how one takes another's place.
#pragma once

#include "steps/postgres.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace migrate {

struct PgDatabase {
  std::string owner, encoding, collate, ctype;
  bool icu = false;
  std::string comment = {};
  std::uint64_t bytes = 0;
};

std::optional<PgDatabase> find_database(const Postgres& postgres, const std::string& name);
bool role_exists(const Postgres& postgres, const std::string& name);
/// "2 of djangouser from 127.0.0.1 (psql)", or "" when nobody is connected to it.
std::string sessions_in(const Postgres& postgres, const std::string& database);

/// The names that a step uses around its database, and by which it knows later what is its own.
struct PgNames {
  std::string database;
  std::string fresh;     // the copy until it is complete
  std::string aside;     // what was there before
  std::string replaced;  // ours, about to be dropped
  std::string mark;      // the comment on a database or role that this step made
};
/// Within the 63 bytes that PostgreSQL keeps of a name.
PgNames names_for(const std::string& database, const std::string& step_mark);

/// New and empty, from template0. Where the host lacks the locale, C.UTF-8 takes its place and `log` is told.
void create_database(System& system, const Postgres& postgres, const std::string& name, const PgDatabase& like);
/// In one transaction: what is called `database` is called `aside` (or `replaced`, if it is this step's own from an
/// earlier try), and `fresh` is called `database` and marked.
void put_in_place(const Postgres& postgres, const PgNames& names);
/// From any state that put_in_place(), or an earlier call, left: the database that was there has its name again, and
/// all that this step made is gone. Never drops a database without the step's mark or name.
void take_back(const Postgres& postgres, const PgNames& names);
void drop_database(const Postgres& postgres, const std::string& name);

}  // namespace migrate
