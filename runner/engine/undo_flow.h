// One step going backward: (journal) -> settle -> undo -> probe -> compare with the state before, on all seats that
// were touched. Pure. A failed undo is recorded with what is left, and the rollback goes on with the other steps.
//
// Settle: an apply that may still run on its host (the controller died, the connection broke) is waited for first; an
// undo beside it would be overtaken by it.
#pragma once

#include "runner/engine/turn_writer.h"

#include <map>
#include <optional>
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
  enum class Part { settle, undo, look, stand_in_probe, stand_in };
  struct Pending {
    std::size_t seat = 0;  // of the step; of the stand-in where that runs on hosts of its own
    Part part = Part::undo;
  };

  const Step& step() const { return plan_.steps[static_cast<std::size_t>(index_)]; }
  const StepStatus& status(TurnWriter& turn) const { return turn.state().step(index_); }
  std::string stand_in_name() const { return step().number + "/undo"; }
  void send(TurnWriter& turn, std::size_t seat, Part part, Job job);
  void settle(TurnWriter& turn);
  void undo(TurnWriter& turn);
  void undo_natively(TurnWriter& turn, std::size_t seat);
  bool stands_in_on_own_hosts() const;
  const Seat& stand_in_seat(std::size_t seat) const;
  void send_stand_in(TurnWriter& turn, std::size_t seat, Verb verb, boost::json::object before);
  void compare(TurnWriter& turn, std::size_t seat, const Outcome& outcome);
  void owed(TurnWriter& turn, std::size_t seat, const std::string& error, const Outcome& outcome);
  void stand_in_done(TurnWriter& turn, std::size_t seat, const Outcome& outcome);

  const Plan& plan_;
  int index_;
  std::vector<std::size_t> seats_;  // that are to be undone
  std::map<std::string, Pending> jobs_;
  std::optional<Outcome> stand_in_failure_;  // of a stand-in on hosts of its own: all of it counts for all seats
  bool settled_ = false;
};

}  // namespace migrate
