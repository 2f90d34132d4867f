// One step going forward: probe -> (journal) -> apply -> verify -> checks, on all of its seats. Pure.
#pragma once

#include "runner/engine/turn_writer.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace migrate {

class StepFlow {
 public:
  enum class Stage { idle, probing, applying, verifying, checking, pausing, waiting, asking, done, failed, unknown };

  /// `may_repeat`: a person said that a command may run again, although nobody knows whether it already has.
  StepFlow(const Plan& plan, int index, bool may_repeat) : plan_(plan), index_(index), may_repeat_(may_repeat) {}

  /// From wherever the journal says that the step is: a fresh step is probed, a job that was under way is asked for
  /// again under the same unique id (the agent's ledger knows it), a failed one is tried again from the same state
  /// before.
  void begin(TurnWriter& turn);
  bool owns(const std::string& unique) const { return jobs_.contains(unique); }
  void on_outcome(TurnWriter& turn, const std::string& unique, const Outcome& outcome);
  /// The target's agent listens: now the source may connect.
  void on_offer(TurnWriter& turn, const std::string& unique, const PipeOffer& offer);
  void on_tick(TurnWriter& turn);
  void on_confirmed(TurnWriter& turn);  // checklist, approve

  std::optional<Time> deadline() const { return deadline_; }
  Stage stage() const { return stage_; }
  bool settled() const { return stage_ == Stage::done || stage_ == Stage::failed || stage_ == Stage::unknown; }

 private:
  struct Pending {
    std::size_t seat = 0;
    Verb verb = Verb::probe;
  };

  const Step& step() const { return plan_.steps[static_cast<std::size_t>(index_)]; }
  const StepStatus& status(TurnWriter& turn) const { return turn.state().step(index_); }
  bool two_seats() const { return step().seats.size() == 2 && !step().seats[0].role.empty(); }
  void begin_waiting(TurnWriter& turn);
  void send(TurnWriter& turn, std::size_t seat, Job job);
  void probe(TurnWriter& turn);
  void decide(TurnWriter& turn);
  void apply(TurnWriter& turn, const std::vector<std::size_t>& seats, bool same_attempt);
  void send_apply(TurnWriter& turn, std::size_t seat, const std::optional<PipeOffer>& offer);
  void on_applied(TurnWriter& turn, std::size_t seat, const Outcome& outcome);
  void all_applied(TurnWriter& turn);
  void verify(TurnWriter& turn);
  void check(TurnWriter& turn);
  void next_check(TurnWriter& turn);
  void complete(TurnWriter& turn);
  void fail(TurnWriter& turn, std::size_t seat, Verb verb, const Outcome& outcome);
  bool retry_later(TurnWriter& turn);

  const Plan& plan_;
  int index_;
  bool may_repeat_;
  Stage stage_ = Stage::idle;
  std::map<std::string, Pending> jobs_;
  std::set<std::size_t> verified_;              // together with their apply
  std::map<std::size_t, State> found_;          // by probe
  std::optional<std::size_t> waits_for_offer_;  // the source's seat
  std::size_t check_ = 0;
  std::optional<Time> check_until_;
  std::optional<Time> deadline_;
  int retries_ = 0;
  int serial_ = 0;        // of probes, verifies and checks: their jobs need an id of their own
  bool resumed_ = false;  // what failed may have failed while nobody was there
  bool check_failed_ = false;
  Outcome check_outcome_;
};

}  // namespace migrate
