// The two seats of pg.copy, and what they say to each other through the pipe:
//
//   source -> target   note {"version", "owner", "encoding", "collate", "ctype", "bytes", "roles": [...],
//                            "role": the owner's row of pg_authid, where the target shall create it}
//   target -> source   note {"ready": true}, once an empty database waits
//   source -> target   bytes ... end: pg_dump's custom format, from a snapshot
//   source -> target   note {"before": contents, "after": contents}: the rows of that snapshot; the sequences when the
//                      dump began and when it had ended
//
// The role's row holds a password's hash: it is in this note, in the statement that creates the role, and nowhere else.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string>

namespace migrate {

struct PgCopyOrder {
  boost::json::object from, to;  // FieldType::database
  std::string from_name, to_name;
  std::string owner;     // "": as at the source
  std::string encoding;  // "": as at the source
  int jobs = 1;
  bool create_owner = false;
};

std::unique_ptr<Action> make_pg_copy_source(PgCopyOrder order);
std::unique_ptr<Action> make_pg_copy_target(PgCopyOrder order);

inline std::string database_key(const std::string& name) { return "pg:" + name; }
inline std::string role_key(const std::string& name) { return "pg-role:" + name; }

}  // namespace migrate
