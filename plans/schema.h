// What the plan language knows of an action: its name, its parameters and their types, and where it runs.
// The table of all actions is filled in steps/catalogue.cpp; the loader takes it as a parameter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// How a parameter is written, and what it becomes in an action's checked parameters (a JSON object).
enum class FieldType {
  text,      // string
  texts,     // a text or a list of texts        -> array of strings, never empty
  integer,   // 64-bit                           -> number
  boolean,   // true, false                      -> bool
  duration,  // 90s 10m 4h 7d                    -> number, milliseconds
  size,      // 20M 4G (powers of 1024), bytes   -> number, bytes
  mode,      // "0640"                           -> string of octal digits, 3 or 4
  choice,    // one of Field::choices            -> string
  file,      // a path beside the plan           -> {"name": path as written, "base64": content}
  host_path, // old:/var/lib/x/ or /var/lib/x    -> {"host": name or "", "path": path}
  database,  // postgres://[user@]host[:port]/db -> {"host", "database", "user" or "", "port" or 0}
  host,      // a host of the plan               -> string
  address,   // IPv4 or IPv6 address             -> string
  names,     // texts that are DNS names         -> array of strings, lower case, no final dot
  command,   // a shell text, or a list (argv)   -> string or array of strings
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::text;
  bool required = false;
  std::string_view summary;                    // one line, for `migrate docs`
  std::vector<std::string_view> choices = {};  // for FieldType::choice
};

/// On which hosts an action's jobs run.
enum class Placement {
  on_host,     // on the step's `host:`
  controller,  // on the machine where `migrate` runs (through its local agent): dns.*, http.check unless `host:` says otherwise
  from_to,     // two seats: `source` on from's host, `target` on to's host
  nowhere,     // no job: the engine itself (wait, checklist, approve)
};

/// What an action does to the world.
enum class Effect {
  changes,  // has a state before and an undo of its own
  opaque,   // changes what nobody can predict: the plan must state `undo:` or `irreversible:` (run)
  reads,    // a check
  waits,    // time or people
};

struct ActionSchema {
  std::string_view name;       // "apache.switch"
  std::string_view summary;    // one line
  Placement placement = Placement::on_host;
  Effect effect = Effect::changes;
  std::vector<Field> fields;
  std::string_view shorthand;  // the field that a bare text or list fills: `service.stop: pgbouncer`; "" if none
  std::vector<std::vector<std::string_view>> exactly_one_of = {};  // groups of fields of which one must be given
  std::string_view undo;       // one line, what its undo does; "" for Effect::reads
  std::string_view example;    // YAML

  const Field* field(std::string_view name) const;
};

/// All actions, and the names that the language has but this version doesn't do yet ("not yet supported").
struct ActionTable {
  std::vector<ActionSchema> actions;
  std::vector<std::string_view> not_yet;

  const ActionSchema* find(std::string_view name) const;
};

}  // namespace migrate
