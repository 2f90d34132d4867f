// A plan's phases and steps.
#pragma once

#include "plans/draft.h"
#include "plans/plan.h"
#include "plans/seats.h"

#include <string>
#include <vector>

namespace migrate {

/// What steps take from the phase or group around them.
struct Around {
  int phase = 0;
  std::string number;  // "5" or "5.4": what their own numbers begin with
  HostList hosts;
  OnFailure on_failure = OnFailure::ask;
};

enum class Order { one_after_another, side_by_side };

void read_phases(Draft& draft, const Value& plan);

/// Adds the steps of a list to the plan. The first of them wait for `before`; what comes after them waits for the
/// result.
std::vector<int> read_steps(Draft& draft, const Value& list, const Around& around, Order order,
                            std::vector<int> before);

/// Adds a step with one action; `map` is a map. `before`: what it waits for.
void read_step(Draft& draft, const Value& map, const struct FoundAction& found, const Around& around,
               const std::string& number, const std::vector<int>& before);

/// The `id:` of a step or phase, or "".
std::string read_id(Draft& draft, const Value& map);

}  // namespace migrate
