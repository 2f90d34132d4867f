// What a database holds, counted: the rows of every table and the place of every sequence. For the comparison of two.
#pragma once

#include "steps/postgres.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace migrate {

/// Names are as SQL writes them, with their schema. Tables and sequences that belong to an extension are left out:
/// their content comes with the extension.
struct PgContents {
  std::map<std::string, std::uint64_t> tables;   // rows; of a partitioned table its partitions
  std::map<std::string, std::string> sequences;  // "1500 called", "1 not called"

  std::uint64_t rows() const;
  /// sha256 over all of it.
  std::string digest() const;
};

/// psql scripts that print one JSON object a line, for PgContents::add().
extern const char* const print_tables;
extern const char* const print_sequences;
/// One line of theirs; false when it is none.
bool add_line(PgContents& contents, const std::string& line);

PgContents contents_of(const Postgres& postgres, const std::string& database);

boost::json::object to_json(const PgContents& contents);
PgContents contents_from_json(const boost::json::object& object);

/// Sentences about what differs, at most ten; "" when nothing does. A sequence is no part of a snapshot: where it moved
/// while the source was read (`before` to `after`), any place between is right.
std::string contents_difference(const PgContents& before, const PgContents& after, const PgContents& copy);

}  // namespace migrate
