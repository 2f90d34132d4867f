// On which hosts a call's jobs run.
#pragma once

#include "plans/draft.h"
#include "plans/plan.h"
#include "plans/schema.h"

#include <string>
#include <vector>

namespace migrate {

/// Hosts that a `host:` names, groups taken apart, each once, in order.
struct HostList {
  const Value::Entry* entry = nullptr;  // the `host:`; null: there is none
  std::vector<std::string> names;       // empty although there is an entry: its errors have been told

  bool given() const { return entry != nullptr || !names.empty(); }
};

/// The `host:` of a map, or an empty list.
HostList read_hosts_of(Draft& draft, const Value& map);

/// A call and what decides on its hosts.
struct CallPlace {
  const ActionSchema& schema;
  const Value::Entry& entry;  // the action's key and its value
  const ActionCall& call;
  const HostList& own;        // from a `host:` right beside the action
  const HostList& inherited;  // from what is around it
};

/// The call's seats; errors become diagnostics. Adds the implicit local host to the plan when a seat needs it.
std::vector<Seat> seats_of(Draft& draft, const CallPlace& place);

}  // namespace migrate
