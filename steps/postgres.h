// A PostgreSQL server on this host, through its own tools and its local socket.
#pragma once

#include "steps/system.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// Tools run as the system user postgres when the agent is root, else as the agent's own user. Where PGHOST is set in
/// the agent's environment, it names the socket's folder.
class Postgres {
 public:
  /// `place`: a FieldType::database parameter; its port and user are used, its database isn't.
  Postgres(System& system, const boost::json::object& place);

  /// Throws Failure that names the package when one of the tools is missing.
  void require(const std::vector<std::string>& tools) const;
  /// A tool that finds server and database in its environment.
  Command command(std::vector<std::string> argv, const std::string& database) const;
  /// psql with a script on its standard input; stops at the first error, which is a Failure's text: `what`, and the
  /// server's words. Returns what it printed, unaligned and without headings.
  std::string script(const std::string& database, const std::string& text, const std::string& what,
                     bool reads_only) const;
  /// The rows of a SELECT, as objects.
  boost::json::array rows(const std::string& database, const std::string& select) const;
  /// The server's version: 15.
  int version() const;

 private:
  System& system_;
  std::map<std::string, std::string> env_;
  std::string user_;
};

/// The database that every server has, for what concerns none.
inline constexpr const char* maintenance_database = "postgres";

std::string quoted_name(std::string_view name);  // "name", for SQL
std::string quoted_text(std::string_view text);  // 'text', for SQL
/// dbname='...', for tools that would read a bare name with = in it as something else.
std::string connection_text(std::string_view database);
/// The server's or tool's own words out of what psql, pg_dump or pg_restore wrote: the first error.
std::string first_error(const std::string& errors);

}  // namespace migrate
