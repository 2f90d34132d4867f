#include "steps/postgres.h"

#include "steps/params.h"
#include "steps/printable.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace migrate {
namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\0') throw Failure("A name with a zero byte is no name in PostgreSQL.");
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

}  // namespace

Postgres::Postgres(System& system, const boost::json::object& place) : system_(system) {
  if (::geteuid() == 0) user_ = "postgres";
  if (const char* folder = std::getenv("PGHOST")) env_["PGHOST"] = folder;
  if (const auto user = text_param(place, "user"); !user.empty()) env_["PGUSER"] = user;
  const auto* port = place.if_contains("port");
  if (port && port->is_number() && port->to_number<int>() != 0) env_["PGPORT"] = std::to_string(port->to_number<int>());
  env_["PGAPPNAME"] = "migrate";
  env_["PGCONNECT_TIMEOUT"] = "10";
  // Messages that we and the operator can read; and no limits of the server's own, which would end a long copy.
  env_["PGOPTIONS"] =
      "-c lc_messages=C -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";
}

void Postgres::require(const std::vector<std::string>& tools) const {
  for (const auto& tool : tools) {
    if (system_.has_program(tool)) continue;
    throw Failure(tool + " is not installed on this host. On Debian: apt-get install postgresql-client");
  }
}

Command Postgres::command(std::vector<std::string> argv, const std::string& database) const {
  Command command;
  command.argv = std::move(argv);
  command.env = env_;
  command.env["PGDATABASE"] = database;
  command.user = user_;
  return command;
}

std::string Postgres::script(const std::string& database, const std::string& text, const std::string& what,
                             bool reads_only) const {
  Command psql = command({"psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-"}, database);
  psql.input = text;
  psql.reads_only = reads_only;
  const Exit exit = system_.run(psql);
  if (!exit.ok()) throw Failure(what + ": " + first_error(exit.err), "psql", exit.code);
  return exit.out;
}

boost::json::array Postgres::rows(const std::string& database, const std::string& select) const {
  const auto text = script(database, fmt::format("SELECT coalesce(json_agg(q), '[]') FROM ({}) q;\n", select),
                           "Cannot ask PostgreSQL on this host", true);
  boost::system::error_code error;
  auto rows = boost::json::parse(text, error);
  if (error || !rows.is_array()) throw Failure("PostgreSQL on this host gave an answer that cannot be read.");
  return std::move(rows.get_array());
}

int Postgres::version() const {
  const auto found = rows(maintenance_database, "SELECT current_setting('server_version_num')::int / 10000 AS version");
  return found.at(0).at("version").to_number<int>();
}

std::string quoted_name(std::string_view name) { return doubled(name, '"'); }

std::string quoted_text(std::string_view text) { return doubled(text, '\''); }

std::string connection_text(std::string_view database) {
  std::string out = "dbname='";
  for (const char c : database) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string first_error(const std::string& errors) {
  for (const std::string_view word : {"FATAL:  ", "ERROR:  ", "error: "}) {
    const auto at = errors.find(word);
    if (at != std::string::npos)
      return printable(errors.substr(at + word.size(), errors.find('\n', at) - at - word.size()));
  }
  return last_lines(errors, 3, "");
}

}  // namespace migrate
