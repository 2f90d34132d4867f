#include "runner/engine/rollback_scope.h"

#include "plans/diagnostics.h"

#include <stdexcept>

namespace migrate {

RollbackScope rollback_scope(const Plan& plan, const RunState& state, int from) {
  RollbackScope scope;
  for (int index = state.size() - 1; index >= from; --index) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    const StepStatus& status = state.step(index);
    if (!step.point_of_no_return.empty() && (status.touched() || status.done())) {
      scope.losses.push_back(step.point_of_no_return);
    }
    if (!status.touched()) continue;
    if (step.undo.kind == Undo::Kind::irreversible) scope.irreversible.push_back(index);
    scope.steps.push_back(index);
  }
  return scope;
}

int rollback_target(const Plan& plan, const RunState& state, const std::string& to) {
  if (to == "start") return 0;
  if (to.empty()) {
    for (int index = state.size() - 1; index >= 0; --index) {
      if (state.step(index).touched()) return index;
    }
    return state.size();
  }
  if (auto step = plan.find_step(to)) return *step;
  if (auto phase = plan.find_phase(to)) {
    for (std::size_t index = 0; index < plan.steps.size(); ++index) {
      if (plan.steps[index].phase >= *phase) return static_cast<int>(index);
    }
    return state.size();
  }
  std::vector<std::string_view> names{"start"};
  for (const Phase& phase : plan.phases) {
    names.insert(names.end(), {phase.number, phase.name});
    if (!phase.id.empty()) names.push_back(phase.id);
  }
  for (const Step& step : plan.steps) {
    names.push_back(step.number);
    if (!step.id.empty()) names.push_back(step.id);
  }
  const std::string hint = did_you_mean(to, names);
  throw std::invalid_argument("--to " + to + ": the plan has no such step or phase" +
                              (hint.empty() ? "" : "; " + hint));
}

}  // namespace migrate
