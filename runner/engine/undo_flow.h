// One step going backward: (journal) -> undo -> probe -> compare with the state before, on all seats that were touched.
// Pure. A failed undo is recorded with what is left, and the rollback goes on with the other steps.
#pragma once

#include "runner/engine/turn_writer.h"

#include <map>
#include <string>
#include <vector>

namespace migrate {

class UndoFlow {
 public:
  UndoFlow(const Plan& plan, int index) : plan_(plan), index_(index) {}

  /// Also after a crash: an undo that was under way is asked for again under the same unique id.
  void begin(TurnWriter& turn);
  bool owns(const std::string& unique) const { return jobs_.contains(unique); }
  void on_outcome(TurnWriter& turn, const std::string& unique, const Outcome& outcome);
  bool settled() const { return settled_; }

 private:
  enum class Part { undo, look, stand_in_probe, stand_in };
  struct Pending {
    std::size_t seat = 0;
    Part part = Part::undo;
  };

  const Step& step() const { return plan_.steps[static_cast<std::size_t>(index_)]; }
  const StepStatus& status(TurnWriter& turn) const { return turn.state().step(index_); }
  std::string stand_in_name() const { return step().number + "/undo"; }
  void send(TurnWriter& turn, std::size_t seat, Part part, Job job);
  void undo_natively(TurnWriter& turn, std::size_t seat);
  void undo_by_call(TurnWriter& turn);
  void compare(TurnWriter& turn, std::size_t seat, const Outcome& outcome);
  void owed(TurnWriter& turn, std::size_t seat, std::string error, const Outcome& outcome);
  void stand_in_done(TurnWriter& turn, const Outcome& outcome);
  void settle_if_all_in() { settled_ = jobs_.empty(); }

  const Plan& plan_;
  int index_;
  std::vector<std::size_t> seats_;  // that were touched
  std::map<std::string, Pending> jobs_;
  std::vector<Outcome> failures_;  // of the stand-in's seats
  bool settled_ = false;
};

}  // namespace migrate
