#include "steps/pg_roles.h"

#include "steps/params.h"

#include <fmt/format.h>

#include <utility>

namespace migrate {

void create_role_like(const Postgres& postgres, const boost::json::object& row, const std::string& mark) {
  const std::string name = text_param(row, "rolname");
  std::string options;
  for (const auto& [column, word] : {std::pair{"rolsuper", "SUPERUSER"}, std::pair{"rolinherit", "INHERIT"},
                                     std::pair{"rolcreaterole", "CREATEROLE"}, std::pair{"rolcreatedb", "CREATEDB"},
                                     std::pair{"rolcanlogin", "LOGIN"}, std::pair{"rolreplication", "REPLICATION"},
                                     std::pair{"rolbypassrls", "BYPASSRLS"}}) {
    options += fmt::format(" {}{}", flag_param(row, column, false) ? "" : "NO", word);
  }
  options += fmt::format(" CONNECTION LIMIT {}", row.at("rolconnlimit").to_number<int>());
  if (has_param(row, "rolvaliduntil")) options += " VALID UNTIL " + quoted_text(text_param(row, "rolvaliduntil"));
  if (has_param(row, "rolpassword")) options += " PASSWORD " + quoted_text(text_param(row, "rolpassword"));
  postgres.script(
      maintenance_database,
      fmt::format(
          "SET log_statement = 'none';\nSET log_min_duration_statement = -1;\nSET log_min_error_statement = 'panic';\n"
          "BEGIN;\nCREATE ROLE {0}{1};\nCOMMENT ON ROLE {0} IS {2};\nCOMMIT;\n",
          quoted_name(name), options, quoted_text(mark)),
      "Cannot create the role " + name, false);
}

void drop_marked_role(const Postgres& postgres, const std::string& name, const std::string& mark) {
  const auto marked = postgres.rows(
      maintenance_database,
      fmt::format("SELECT 1 FROM pg_roles WHERE rolname = {} AND shobj_description(oid, 'pg_authid') = {}",
                  quoted_text(name), quoted_text(mark)));
  if (marked.empty()) return;
  postgres.script(maintenance_database, fmt::format("DROP ROLE {};\n", quoted_name(name)),
                  "Cannot drop the role " + name, false);
}

}  // namespace migrate
