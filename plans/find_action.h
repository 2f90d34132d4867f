// Which action a map of the plan asks for.
#pragma once

#include "plans/draft.h"
#include "plans/schema.h"

#include <string_view>
#include <vector>

namespace migrate {

/// The keys that may stand beside an action.
struct ActionNeighbours {
  std::string_view what;  // "a step"
  std::vector<std::string_view> modifiers;
  std::vector<std::string_view> not_yet;     // modifiers of the language that this version lacks
  std::vector<std::string_view> containers;  // keys that stand in for an action: steps, parallel
};

struct FoundAction {
  const Value::Entry* entry = nullptr;   // null after an error
  const ActionSchema* schema = nullptr;  // null for a container, and after an error
};

/// The one action (or container) of `map`. Tells what is missing, twice there or unknown.
FoundAction find_action(Draft& draft, const Value& map, const ActionNeighbours& neighbours);

}  // namespace migrate
