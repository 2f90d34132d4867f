// Writes a turn: every record goes into the turn and, at once, into the run's state, so that both always agree.
#pragma once

#include "runner/engine/turn.h"
#include "steps/change.h"

#include <string>

namespace migrate {

class TurnWriter {
 public:
  TurnWriter(const Plan& plan, const std::string& run, RunState& state, EngineTurn& turn, Time now)
      : plan_(plan), run_(run), state_(state), turn_(turn), now_(now) {}

  void record(RecordKind kind, boost::json::object data = {});
  void record(RecordKind kind, int step, const Seat& seat, boost::json::object data = {});

  /// A job of `call` for a step's seat; `step_name` is the step's number, or "5.4/undo" for what stands in for an undo.
  Job job(int step, const std::string& step_name, const ActionCall& call, const Seat& seat, Verb verb,
          int attempt) const;
  void submit(Job job) { turn_.jobs.push_back(std::move(job)); }
  void ask(Question question) { turn_.questions.push_back(std::move(question)); }
  void finish(int exit, std::string why) { turn_.finish = Finish{exit, std::move(why)}; }

  const Plan& plan() const { return plan_; }
  const RunState& state() const { return state_; }
  Time now() const { return now_; }

 private:
  const Plan& plan_;
  const std::string& run_;
  RunState& state_;
  EngineTurn& turn_;
  Time now_;
};

/// `Failure` and friends as a record's data: verb, error, command, exit_code.
boost::json::object failure_data(Verb verb, const Outcome& outcome);

/// What an action predicts, for the journal and for people: mark, summary, details, undo.
boost::json::object to_json(const Change& change);

/// The change that `call` predicts on a seat that was found in `state`. Secrets are still {"$secret": NAME} here.
/// Throws what the action's maker or plan() throws.
Change predict(const ActionCall& call, const std::string& role, const State& state);

}  // namespace migrate
