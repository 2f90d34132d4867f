// What a rollback would undo: computed before anything is done, and shown first.
#pragma once

#include "runner/engine/run_state.h"

#include <string>
#include <vector>

namespace migrate {

struct RollbackScope {
  std::vector<int> steps;           // in the order of undoing; only steps with something to take back
  std::vector<std::string> losses;  // points of no return that it crosses, in words
  std::vector<int> irreversible;    // steps that stand in the way and cannot be taken back
};

/// Everything from step `from` (an index) to the end of what was done.
RollbackScope rollback_scope(const Plan& plan, const RunState& state, int from);

/// Where `--to` points: "start", a step's number or id, a phase's number, id or name; "" means the last step only.
/// Going back "to" a step or phase means to the moment before it began.
/// Throws std::invalid_argument with a sentence (and "did you mean") when there is no such thing.
int rollback_target(const Plan& plan, const RunState& state, const std::string& to);

}  // namespace migrate
