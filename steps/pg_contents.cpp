#include "steps/pg_contents.h"

#include "plans/digest.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace migrate {
namespace {

constexpr std::string_view complete_line = R"({"complete":true})";
constexpr std::size_t most_sentences = 10;

/// The whole of a script's output is needed, and System keeps only its end.
constexpr const char* print_begin = "SELECT '{\"begin\":true}';\n";

std::int64_t place_of(const std::string& sequence) { return std::stoll(sequence); }

bool is_between(const std::string& value, const std::string& one, const std::string& other) {
  const std::int64_t a = place_of(one), b = place_of(other), at = place_of(value);
  return at >= std::min(a, b) && at <= std::max(a, b);
}

}  // namespace

// A leaf of a partitioned table is a table; ONLY keeps an inheritance parent from counting its children's rows again.
const char* const print_tables = R"(
SELECT format('SELECT json_build_object(''table'', %L, ''rows'', count(*)) FROM ONLY %I.%I',
              quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname \gexec
)";

const char* const print_sequences = R"(
SELECT format('SELECT json_build_object(''sequence'', %L, ''last'', last_value, ''called'', is_called) FROM %I.%I',
              quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname \gexec
)";

std::uint64_t PgContents::rows() const {
  std::uint64_t all = 0;
  for (const auto& [name, rows] : tables) all += rows;
  return all;
}

std::string PgContents::digest() const {
  std::string text;
  for (const auto& [name, rows] : tables) text += fmt::format("table {} {}\n", name, rows);
  for (const auto& [name, place] : sequences) text += fmt::format("sequence {} {}\n", name, place);
  return sha256_hex(text);
}

bool add_line(PgContents& contents, const std::string& line) {
  boost::system::error_code error;
  const auto value = boost::json::parse(line, error);
  if (error || !value.is_object()) return false;
  const auto& object = value.get_object();
  if (object.contains("table")) {
    contents.tables[std::string(object.at("table").as_string())] = object.at("rows").to_number<std::uint64_t>();
  } else if (object.contains("sequence")) {
    contents.sequences[std::string(object.at("sequence").as_string())] = fmt::format(
        "{} {}", object.at("last").to_number<std::int64_t>(), object.at("called").as_bool() ? "called" : "not called");
  } else {
    return false;
  }
  return true;
}

PgContents contents_of(const Postgres& postgres, const std::string& database) {
  const auto script = fmt::format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n{}{}{}COMMIT;\nSELECT '{}';\n",
                                  print_begin, print_tables, print_sequences, complete_line);
  const auto text = postgres.script(database, script, "Cannot count the rows in " + database, true);
  if (!text.starts_with("{\"begin\"")) throw Failure("There are too many tables in " + database + " to be compared.");
  PgContents contents;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) add_line(contents, line);
  return contents;
}

boost::json::object to_json(const PgContents& contents) {
  boost::json::object tables, sequences;
  for (const auto& [name, rows] : contents.tables) tables[name] = rows;
  for (const auto& [name, place] : contents.sequences) sequences[name] = place;
  return {{"tables", std::move(tables)}, {"sequences", std::move(sequences)}};
}

PgContents contents_from_json(const boost::json::object& object) {
  PgContents contents;
  for (const auto& [name, rows] : object.at("tables").as_object())
    contents.tables[name] = rows.to_number<std::uint64_t>();
  for (const auto& [name, place] : object.at("sequences").as_object())
    contents.sequences[name] = std::string(place.as_string());
  return contents;
}

std::string contents_difference(const PgContents& before, const PgContents& after, const PgContents& copy) {
  std::vector<std::string> sentences;
  for (const auto& [name, rows] : after.tables) {
    const auto found = copy.tables.find(name);
    if (found == copy.tables.end())
      sentences.push_back(fmt::format("The table {} is missing.", name));
    else if (found->second != rows)
      sentences.push_back(fmt::format("{} has {} rows, the source {}.", name, found->second, rows));
  }
  for (const auto& [name, place] : after.sequences) {
    const auto found = copy.sequences.find(name);
    const auto earlier = before.sequences.find(name);
    const std::string& from = earlier == before.sequences.end() ? place : earlier->second;
    if (found == copy.sequences.end())
      sentences.push_back(fmt::format("The sequence {} is missing.", name));
    else if (from == place ? found->second != place : !is_between(found->second, from, place))
      sentences.push_back(fmt::format("The sequence {} stands at {}, the source's at {}.", name, found->second, place));
  }
  for (const auto& [name, rows] : copy.tables) {
    if (!after.tables.contains(name)) sentences.push_back(fmt::format("The source has no table {}.", name));
  }
  const std::size_t more = sentences.size() > most_sentences ? sentences.size() - most_sentences : 0;
  sentences.resize(sentences.size() - more);
  if (more > 0) sentences.push_back(fmt::format("{} more differences.", more));
  return fmt::format("{}", fmt::join(sentences, " "));
}

}  // namespace migrate
