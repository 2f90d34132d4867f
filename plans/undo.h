// What a step says about going back, and about being checked.
#pragma once

#include "plans/draft.h"
#include "plans/plan.h"
#include "plans/seats.h"

#include <vector>

namespace migrate {

/// A step that is being read, for what hangs on it.
struct StepInMaking {
  const Value& map;
  const ActionSchema* schema;  // null: its action is unknown, which has been told
  const Value::Entry* action;  // null in that case, too
  const HostList& hosts;       // its own, or inherited ones
  const std::vector<Seat>& seats;
};

Undo read_undo(Draft& draft, const StepInMaking& step);
std::vector<Check> read_verify(Draft& draft, const StepInMaking& step);

}  // namespace migrate
