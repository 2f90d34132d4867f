#include "runner/engine/engine.h"

#include "runner/engine/rollback_scope.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace migrate {
namespace {

bool contains(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

Engine::Engine(const Plan& plan, EngineSettings settings, const std::vector<Record>& history)
    : plan_(plan), settings_(std::move(settings)), state_(plan, history) {}

template <class Do>
EngineTurn Engine::turn_at(Time now, Do&& act) {
  EngineTurn turn;
  if (finished_) return turn;
  TurnWriter writer(plan_, settings_.run, state_, turn, now);
  act(writer);
  if (!turn.finish) advance(writer);
  finished_ = turn.finish.has_value();
  return turn;
}

EngineTurn Engine::start(Time now, boost::json::object note) {
  return turn_at(now, [&](TurnWriter& turn) {
    turn.record(state_.begun() ? RecordKind::run_resumed : RecordKind::run_started, std::move(note));
    const std::vector<int> under_way = state_.rollback_under_way();
    if (under_way.empty()) return;
    backward_ = true;
    to_undo_.assign(under_way.rbegin(), under_way.rend());
  });
}

EngineTurn Engine::start_rollback(Time now, const std::vector<int>& steps, int from, const std::string& why) {
  return turn_at(now, [&](TurnWriter& turn) { begin_rollback(turn, steps, from, why); });
}

EngineTurn Engine::on_outcome(Time now, const std::string& unique, const Outcome& outcome) {
  return turn_at(now, [&](TurnWriter& turn) {
    if (undo_ && undo_->owns(unique)) return undo_->on_outcome(turn, unique, outcome);
    for (auto& [index, flow] : flows_) {
      if (flow.owns(unique)) return flow.on_outcome(turn, unique, outcome);
    }
  });
}

EngineTurn Engine::on_offer(Time now, const std::string& unique, const PipeOffer& offer) {
  return turn_at(now, [&](TurnWriter& turn) {
    for (auto& [index, flow] : flows_) flow.on_offer(turn, unique, offer);
  });
}

EngineTurn Engine::on_tick(Time now) {
  return turn_at(now, [&](TurnWriter& turn) {
    for (auto& [index, flow] : flows_) flow.on_tick(turn);
  });
}

EngineTurn Engine::pause(Time now, int exit, const std::string& why) {
  return turn_at(now, [&](TurnWriter&) {
    if (!pausing_) pausing_ = Finish{exit, why};
  });
}

std::optional<Time> Engine::next_deadline() const {
  std::optional<Time> next;
  for (const auto& [index, flow] : flows_) {
    if (flow.deadline() && (!next || *flow.deadline() < *next)) next = flow.deadline();
  }
  return next;
}

EngineTurn Engine::on_answer(Time now, int index, const std::string& choice, const std::string& by) {
  return turn_at(now, [&](TurnWriter& turn) {
    if (!contains(asked_, index) && !flows_.contains(index)) return;
    std::erase(asked_, index);
    const Seat seat = state_.step(index).seats.front().seat;
    turn.record(RecordKind::answered, index, seat, {{"answer", choice}, {"by", by}});
    if (auto flow = flows_.find(index); flow != flows_.end()) {
      if (choice == "yes") return flow->second.on_confirmed(turn);
      pausing_ = Finish{5, "not confirmed: step " + plan_.steps[static_cast<std::size_t>(index)].number};
      return;
    }
    const bool bad = contains(failed_, index) || contains(unknown_, index);
    std::erase(failed_, index);
    std::erase(unknown_, index);
    if (choice == "yes") may_begin_.insert(index);
    if (choice == "retry") may_repeat_.insert(index);
    if (choice == "skip") {
      for (const SeatStatus& is : state_.step(index).seats) {
        turn.record(RecordKind::skipped, index, is.seat, {{"why", "skipped by " + by}});
      }
    }
    if (choice == "phase") roll_back_from(turn, phase_start(index), "backing out of the phase");
    if (choice == "start") roll_back_from(turn, 0, "backing out to the start");
    if (choice == "pause")
      pausing_ = Finish{bad ? (state_.step(index).state() == SeatState::unknown ? 5 : 2) : 5, "paused by " + by};
  });
}

void Engine::advance(TurnWriter& turn) {
  if (backward_) {
    advance_backward(turn);
  } else {
    advance_forward(turn);
  }
}

void Engine::advance_forward(TurnWriter& turn) {
  collect_settled(turn);
  if (failed_.empty() && unknown_.empty() && !pausing_) start_ready_steps(turn);
  if (backward_) return advance_backward(turn);
  if (flows_.empty()) return on_all_stopped(turn);
  // waits and questions of people don't hold up a pause: they are in the journal
  const bool only_waiting = std::all_of(flows_.begin(), flows_.end(), [](const auto& item) {
    const StepFlow::Stage stage = item.second.stage();
    return stage == StepFlow::Stage::waiting || stage == StepFlow::Stage::asking || stage == StepFlow::Stage::pausing;
  });
  if (only_waiting && (pausing_ || !failed_.empty() || !unknown_.empty())) on_all_stopped(turn);
}

void Engine::collect_settled(TurnWriter& turn) {
  for (auto flow = flows_.begin(); flow != flows_.end();) {
    if (!flow->second.settled()) {
      ++flow;
      continue;
    }
    const int index = flow->first;
    const StepFlow::Stage stage = flow->second.stage();
    flow = flows_.erase(flow);
    if (stage == StepFlow::Stage::unknown) unknown_.push_back(index);
    if (stage == StepFlow::Stage::failed) on_step_failed(turn, index);
  }
}

void Engine::on_step_failed(TurnWriter& turn, int index) {
  if (plan_.steps[static_cast<std::size_t>(index)].on_failure != OnFailure::proceed) {
    failed_.push_back(index);
    return;
  }
  for (const SeatStatus& seat : state_.step(index).seats) {
    turn.record(RecordKind::skipped, index, seat.seat, {{"why", "failed, and the plan says on_failure: continue"}});
  }
}

void Engine::start_ready_steps(TurnWriter& turn) {
  // A step that ends within its own turn (nothing to wait for) may make others ready: until nothing changes.
  for (bool again = true; again;) {
    again = false;
    for (int index = 0; index < state_.size(); ++index) {
      const Step& step = plan_.steps[static_cast<std::size_t>(index)];
      if (state_.step(index).done() || flows_.contains(index) || contains(asked_, index)) continue;
      if (contains(failed_, index) || contains(unknown_, index)) continue;
      if (!std::all_of(step.after.begin(), step.after.end(), [&](int other) { return state_.step(other).done(); }))
        continue;
      if (settings_.step_by_step && !may_begin_.contains(index) && !may_repeat_.contains(index)) {
        asked_.push_back(index);
        turn.ask({.kind = Question::Kind::begin, .step = index, .items = {}, .message = step.name});
        continue;
      }
      StepFlow& flow = flows_.emplace(index, StepFlow(plan_, index, may_repeat_.erase(index) > 0)).first->second;
      may_begin_.erase(index);
      flow.begin(turn);
      if (flow.settled()) again = true;
    }
    if (again) collect_settled(turn);
    if (!failed_.empty() || !unknown_.empty()) return;
  }
}

/// Nothing runs any more: done, paused, or somebody must decide about what failed.
void Engine::on_all_stopped(TurnWriter& turn) {
  if (!failed_.empty()) {
    const int index = failed_.front();
    const Step& step = plan_.steps[static_cast<std::size_t>(index)];
    const std::string why = "step " + step.number + " failed";
    switch (what_to_do(index)) {
      case OnFailure::rollback:
        return roll_back_from(turn, 0, why);
      case OnFailure::rollback_phase:
        return roll_back_from(turn, phase_start(index), why);
      case OnFailure::ask:
        if (pausing_) break;
        if (!contains(asked_, index)) {
          asked_.push_back(index);
          turn.ask({.kind = Question::Kind::failed, .step = index, .items = {}, .message = why});
        }
        return;
      default:
        break;
    }
    turn.record(RecordKind::paused, {{"exit", 2}, {"why", why}});
    return turn.finish(2, why);
  }
  if (!unknown_.empty() && !pausing_) {
    const int index = unknown_.front();
    if (contains(asked_, index)) return;
    asked_.push_back(index);
    return turn.ask(
        {.kind = Question::Kind::unknown,
         .step = index,
         .items = {},
         .message = "nobody can say whether step " + plan_.steps[static_cast<std::size_t>(index)].number + " has run"});
  }
  if (pausing_) {
    turn.record(RecordKind::paused, {{"exit", pausing_->exit}, {"why", pausing_->why}});
    return turn.finish(pausing_->exit, pausing_->why);
  }
  if (!asked_.empty()) return;
  if (state_.everything_done()) {
    turn.record(RecordKind::run_finished, {{"exit", 0}});
    return turn.finish(0, "");
  }
}

/// What the plan says, unless going back would lose something that nobody has agreed to lose.
OnFailure Engine::what_to_do(int index) const {
  const OnFailure wanted = plan_.steps[static_cast<std::size_t>(index)].on_failure;
  if (wanted != OnFailure::rollback && wanted != OnFailure::rollback_phase) return wanted;
  const RollbackScope scope = rollback_scope(plan_, state_, wanted == OnFailure::rollback ? 0 : phase_start(index));
  return scope.losses.empty() && scope.irreversible.empty() ? wanted : OnFailure::ask;
}

int Engine::phase_start(int index) const {
  const int phase = plan_.steps[static_cast<std::size_t>(index)].phase;
  int first = index;
  while (first > 0 && plan_.steps[static_cast<std::size_t>(first - 1)].phase == phase) --first;
  return first;
}

void Engine::roll_back_from(TurnWriter& turn, int from, const std::string& why) {
  failed_.clear();
  unknown_.clear();
  flows_.clear();
  pausing_.reset();  // what the plan demands after a failure is done first
  begin_rollback(turn, rollback_scope(plan_, state_, from).steps, from, why);
  advance_backward(turn);
}

void Engine::begin_rollback(TurnWriter& turn, const std::vector<int>& steps, int from, const std::string& why) {
  boost::json::array numbers;
  for (int index : steps) numbers.emplace_back(plan_.steps[static_cast<std::size_t>(index)].number);
  const std::string first = from < state_.size() ? plan_.steps[static_cast<std::size_t>(from)].number : "";
  turn.record(RecordKind::rollback_begun, {{"steps", numbers}, {"from", first}, {"why", why}});
  backward_ = true;
  to_undo_.assign(steps.rbegin(), steps.rend());
}

void Engine::advance_backward(TurnWriter& turn) {
  for (;;) {
    if (turn.plan().steps.empty() || (undo_ && !undo_->settled())) return;
    undo_.reset();
    if (pausing_ && !to_undo_.empty()) {
      turn.record(RecordKind::paused, {{"exit", 4}, {"why", pausing_->why}});
      return turn.finish(4, pausing_->why);
    }
    if (to_undo_.empty()) return end_rollback(turn);
    const int index = to_undo_.back();
    to_undo_.pop_back();
    if (!state_.step(index).touched()) continue;
    undo_.emplace(plan_, index);
    undo_->begin(turn);
  }
}

void Engine::end_rollback(TurnWriter& turn) {
  if (finished_ || !backward_) return;
  const bool owed = std::any_of(state_.steps().begin(), state_.steps().end(), [](const StepStatus& step) {
    return std::any_of(step.seats.begin(), step.seats.end(), [](const SeatStatus& seat) { return seat.undo_owed; });
  });
  const int exit = owed ? 4 : 3;
  turn.record(RecordKind::rollback_ended, {{"clean", !owed}});
  turn.record(RecordKind::run_finished, {{"exit", exit}});
  backward_ = false;
  turn.finish(exit, owed ? "not everything could be taken back" : "");
}

}  // namespace migrate
