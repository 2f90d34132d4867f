// What an action would change, for people and for the overlay of a dry run.
#pragma once

#include "steps/state.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace migrate {

/// The outcome of Action::plan(). With mark '=' nothing is to be done and `apply` is not called.
struct Change {
  /// '+' new, '~' changed, '-' removed, '=' nothing to do, '?' opaque (nobody can say)
  char mark = '=';
  std::string summary;               // "2 record sets", "4.2 MB to copy"; may be empty
  std::vector<std::string> details;  // "libravatar.test.  A  43200 -> 3600"
  State after;                       // the predicted state of every resource that it touches; empty when opaque
  std::string undo;                  // what taking it back does: "put 43200 back"
  std::optional<std::uint64_t> bytes;  // estimate of the data to move
  std::optional<std::uint64_t> rows;

  bool nothing_to_do() const { return mark == '='; }
  bool opaque() const { return mark == '?'; }
};

}  // namespace migrate
