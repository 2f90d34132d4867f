// A parsed YAML value that remembers where each part stood in its file.
//
// Everything after the YAML parser works on Value; yaml-cpp's types stay in yaml.cpp. Scalars keep their text as
// written: what a scalar means is decided by the schema (YAML 1.2 sense), never guessed from its looks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// A place in a text file; both count from 1, columns in bytes. {0, 0} means "no place".
struct Position {
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

struct Value {
  enum class Kind { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  Position at;                // where the value begins (for an alias: where the anchor's value stands)
  std::string text;           // scalar: as written, after YAML's own unescaping
  bool quoted = false;        // scalar: written in quotes or as a block
  std::vector<Value> items;   // list
  std::vector<Entry> entries; // map, in document order; keys are unique once load_yaml() has accepted the file

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  /// The entry with that key, or nullptr. Only for maps; any other kind has no entries.
  const Entry* find(std::string_view key) const;
};

struct Value::Entry {
  std::string key;
  Position key_at;
  Value value;
};

/// "nothing", "a text", "a list", "a map": for messages.
std::string_view kind_name(Value::Kind kind);

}  // namespace migrate
