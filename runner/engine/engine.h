// The state machine of a run. Pure: events in, turns out; it knows no clock, no disk and no network.
//
// Every call returns the turn that follows from it: records to be written first, then jobs to be submitted and
// questions to be asked. A turn with `finish` is the last one.
#pragma once

#include "runner/engine/step_flow.h"
#include "runner/engine/turn.h"
#include "runner/engine/undo_flow.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace migrate {

struct EngineSettings {
  std::string run;            // id
  bool step_by_step = false;  // ask before each step
};

class Engine {
 public:
  /// `history`: the run's records so far, empty for a new run. `plan` must outlive the engine.
  Engine(const Plan& plan, EngineSettings settings, const std::vector<Record>& history);

  /// Forward from where the run is; a rollback that was under way is finished first. `note` goes into the record.
  EngineTurn start(Time now, boost::json::object note);
  /// Undo these steps, in this order; `from` is the step that they go back to.
  EngineTurn start_rollback(Time now, const std::vector<int>& steps, int from, const std::string& why);

  EngineTurn on_outcome(Time now, const std::string& unique, const Outcome& outcome);
  EngineTurn on_offer(Time now, const std::string& unique, const PipeOffer& offer);
  EngineTurn on_answer(Time now, int step, const std::string& choice, const std::string& by);
  EngineTurn on_tick(Time now);
  /// Start nothing more; stop when what runs has ended (Ctrl-C once).
  EngineTurn pause(Time now, int exit, const std::string& why);

  std::optional<Time> next_deadline() const;
  const RunState& state() const { return state_; }

 private:
  void advance(TurnWriter& turn);
  void advance_forward(TurnWriter& turn);
  void advance_backward(TurnWriter& turn);
  void start_ready_steps(TurnWriter& turn);
  void collect_settled(TurnWriter& turn);
  void on_step_failed(TurnWriter& turn, int index);
  void on_all_stopped(TurnWriter& turn);
  void begin_rollback(TurnWriter& turn, const std::vector<int>& steps, int from, const std::string& why);
  OnFailure what_to_do(int index) const;
  void roll_back_from(TurnWriter& turn, int from, const std::string& why);
  void end_rollback(TurnWriter& turn);
  int phase_start(int index) const;
  template <class Do>
  EngineTurn turn_at(Time now, Do&& act);

  const Plan& plan_;
  EngineSettings settings_;
  RunState state_;
  std::map<int, StepFlow> flows_;  // under way
  std::optional<UndoFlow> undo_;
  std::vector<int> to_undo_;  // rest of the rollback, next one last
  bool backward_ = false;
  std::vector<int> failed_, unknown_;  // settled badly, not decided yet
  std::vector<int> asked_;             // steps whose question is open
  std::set<int> may_begin_;            // --step: the person said yes
  std::set<int> may_repeat_;           // the person said retry
  std::optional<Finish> pausing_;
  bool finished_ = false;
};

}  // namespace migrate
