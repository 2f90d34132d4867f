#include "steps/pg_databases.h"

#include <fmt/format.h>

#include <vector>

namespace migrate {
namespace {

constexpr std::size_t longest_name = 63;

std::string shortened(const std::string& name, const std::string& suffix) {
  std::string head = name.substr(0, longest_name - suffix.size());
  while (head.size() < name.size() && !head.empty() && (static_cast<unsigned char>(name[head.size()]) & 0xC0) == 0x80)
    head.pop_back();
  return head + suffix;
}

/// Nobody can connect from here on, and who is connected is put out: only for a database that this step made.
std::string emptied(const std::string& name) {
  return fmt::format(
      "ALTER DATABASE {} ALLOW_CONNECTIONS false;\n"
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid();\n",
      quoted_name(name), quoted_text(name));
}

std::string renamed(const std::string& from, const std::string& to) {
  return fmt::format("ALTER DATABASE {} RENAME TO {};\n", quoted_name(from), quoted_name(to));
}

}  // namespace

std::optional<PgDatabase> find_database(const Postgres& postgres, const std::string& name) {
  // Through jsonb, since datlocprovider exists from version 15 on only.
  const auto rows = postgres.rows(
      maintenance_database,
      fmt::format(
          "SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, "
          "datctype AS ctype, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider, pg_database_size(oid) AS "
          "bytes, "
          "coalesce(shobj_description(oid, 'pg_database'), '') AS comment FROM pg_database d WHERE datname = {}",
          quoted_text(name)));
  if (rows.empty()) return std::nullopt;
  const auto& row = rows.at(0).as_object();
  const auto text = [&](const char* field) {
    const auto& value = row.at(field);
    return value.is_string() ? std::string(value.as_string()) : std::string();
  };
  return PgDatabase{text("owner"),
                    text("encoding"),
                    text("collate"),
                    text("ctype"),
                    text("provider") == "i",
                    text("comment"),
                    row.at("bytes").to_number<std::uint64_t>()};
}

bool role_exists(const Postgres& postgres, const std::string& name) {
  return !postgres.rows(maintenance_database, "SELECT 1 FROM pg_roles WHERE rolname = " + quoted_text(name)).empty();
}

std::string sessions_in(const Postgres& postgres, const std::string& database) {
  const auto rows = postgres.rows(
      maintenance_database,
      fmt::format("SELECT format('%s of %s from %s (%s)', count(*), usename, coalesce(client_addr::text, 'this host'), "
                  "coalesce(nullif(application_name, ''), 'no name')) AS who FROM pg_stat_activity WHERE datname = {} "
                  "AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY usename, client_addr, "
                  "application_name",
                  quoted_text(database)));
  std::vector<std::string> all;
  for (const auto& row : rows) all.emplace_back(row.at("who").as_string());
  return fmt::format("{}", fmt::join(all, ", "));
}

PgNames names_for(const std::string& database, const std::string& step_mark) {
  return {database, shortened(database, "_new_" + step_mark), shortened(database, "_before_" + step_mark),
          shortened(database, "_replaced_" + step_mark), "made by migrate run " + step_mark};
}

void create_database(System& system, const Postgres& postgres, const std::string& name, const PgDatabase& like) {
  const auto create = [&](const std::string& collate, const std::string& ctype) {
    postgres.script(
        maintenance_database,
        fmt::format("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {};\n",
                    quoted_name(name), quoted_name(like.owner), quoted_text(like.encoding), quoted_text(collate),
                    quoted_text(ctype)),
        "Cannot create the database " + name, false);
  };
  try {
    create(like.collate, like.ctype);
  } catch (const Failure& failure) {
    if (std::string_view(failure.what()).find("locale name") == std::string_view::npos) throw;
    system.log(fmt::format(
        "This host has not the locale {}: C.UTF-8 takes its place, and texts will be sorted by it. To keep the "
        "order, take the step back, generate the locale (locale-gen) and run it again.",
        like.collate));
    create("C.UTF-8", "C.UTF-8");
  }
}

void put_in_place(const Postgres& postgres, const PgNames& names) {
  drop_database(postgres, names.replaced);  // left by an interrupted call, as below
  std::string script = "BEGIN;\n";
  if (const auto there = find_database(postgres, names.database)) {
    script += renamed(names.database, there->comment == names.mark ? names.replaced : names.aside);
  }
  script += renamed(names.fresh, names.database);
  script +=
      fmt::format("COMMENT ON DATABASE {} IS {};\nCOMMIT;\n", quoted_name(names.database), quoted_text(names.mark));
  postgres.script(maintenance_database, script,
                  fmt::format("Cannot put the new {} in the place of the old one", names.database), false);
  drop_database(postgres, names.replaced);
}

void take_back(const Postgres& postgres, const PgNames& names) {
  drop_database(postgres, names.replaced);
  const auto there = find_database(postgres, names.database);
  const bool ours = there && there->comment == names.mark;
  const bool kept = find_database(postgres, names.aside).has_value();
  if (kept && there && !ours) {
    throw Failure(fmt::format(
        "{} cannot be put back: the database that has its name now was not made by this step. It is kept as {}.",
        names.database, names.aside));
  }
  std::string script = ours ? emptied(names.database) : "";
  script += "BEGIN;\n";
  if (ours) script += renamed(names.database, names.replaced);
  if (kept) script += renamed(names.aside, names.database);
  script += "COMMIT;\n";
  if (ours || kept)
    postgres.script(maintenance_database, script, "Cannot put the database " + names.database + " back", false);
  drop_database(postgres, names.replaced);
  drop_database(postgres, names.fresh);
}

void drop_database(const Postgres& postgres, const std::string& name) {
  if (!find_database(postgres, name)) return;
  postgres.script(maintenance_database, emptied(name) + fmt::format("DROP DATABASE {};\n", quoted_name(name)),
                  "Cannot drop the database " + name, false);
}

}  // namespace migrate
