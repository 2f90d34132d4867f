#include "runner/engine/undo_flow.h"

#include <algorithm>

namespace migrate {

void UndoFlow::begin(TurnWriter& turn) {
  const StepStatus& now = status(turn);
  for (std::size_t seat = 0; seat < now.seats.size(); ++seat) {
    if (now.seats[seat].touched) seats_.push_back(seat);
  }
  for (std::size_t seat : seats_) {
    const SeatStatus& is = now.seats[seat];
    if (is.state != SeatState::undoing) {
      turn.record(RecordKind::undoing, index_, is.seat, {{"attempt", is.undo_attempt + 1}});
    }
  }
  settle(turn);
  settled_ = jobs_.empty();
}

void UndoFlow::settle(TurnWriter& turn) {
  for (std::size_t seat : seats_) {
    const SeatStatus& is = status(turn).seats[seat];
    if (!is.apply_open || is.seat.host.empty()) continue;
    Job job = turn.job(index_, step().number, step().call, is.seat, Verb::apply, is.attempt);
    job.before = is.before;
    job.settle = true;
    send(turn, seat, Part::settle, std::move(job));
  }
  if (jobs_.empty()) undo(turn);
}

void UndoFlow::undo(TurnWriter& turn) {
  switch (step().undo.kind) {
    case Undo::Kind::native:
      for (std::size_t seat : seats_) undo_natively(turn, seat);
      break;
    case Undo::Kind::call:
      if (stands_in_on_own_hosts()) {
        for (std::size_t seat : seats_) send_stand_in(turn, seat, Verb::probe, {});
      } else if (!seats_.empty()) {
        for (std::size_t seat = 0; seat < step().undo.seats.size(); ++seat) send_stand_in(turn, seat, Verb::probe, {});
      }
      break;
    case Undo::Kind::nothing:
      for (std::size_t seat : seats_) {
        turn.record(RecordKind::undone, index_, status(turn).seats[seat].seat,
                    {{"note", "the plan says there is nothing to undo"}});
      }
      break;
    case Undo::Kind::irreversible:
      for (std::size_t seat : seats_) owed(turn, seat, "irreversible: " + step().undo.why, {});
      break;
  }
}

void UndoFlow::send(TurnWriter& turn, std::size_t seat, Part part, Job job) {
  jobs_[job.unique()] = {seat, part};
  turn.submit(std::move(job));
}

void UndoFlow::undo_natively(TurnWriter& turn, std::size_t seat) {
  const SeatStatus& is = status(turn).seats[seat];
  Job job = turn.job(index_, step().number, step().call, is.seat, Verb::undo, is.undo_attempt);
  job.before = is.before;
  send(turn, seat, Part::undo, std::move(job));
}

/// Then each host takes back what was done there, and only where something was done.
bool UndoFlow::stands_in_on_own_hosts() const {
  const auto& seats = step().seats;
  return step().undo.seats.size() == seats.size() && std::all_of(seats.begin(), seats.end(), [&](const Seat& seat) {
           return std::any_of(step().undo.seats.begin(), step().undo.seats.end(),
                              [&](const Seat& other) { return other.host == seat.host && other.role.empty(); });
         });
}

const Seat& UndoFlow::stand_in_seat(std::size_t seat) const {
  if (!stands_in_on_own_hosts()) return step().undo.seats[seat];
  return *std::find_if(step().undo.seats.begin(), step().undo.seats.end(),
                       [&](const Seat& other) { return other.host == step().seats[seat].host; });
}

void UndoFlow::send_stand_in(TurnWriter& turn, std::size_t seat, Verb verb, boost::json::object before) {
  const std::size_t counted_by = stands_in_on_own_hosts() ? seat : seats_.front();
  Job job = turn.job(index_, stand_in_name(), step().undo.call, stand_in_seat(seat), verb,
                     status(turn).seats[counted_by].undo_attempt);
  job.before = std::move(before);
  send(turn, seat, verb == Verb::probe ? Part::stand_in_probe : Part::stand_in, std::move(job));
}

void UndoFlow::on_outcome(TurnWriter& turn, const std::string& unique, const Outcome& outcome) {
  const auto found = jobs_.find(unique);
  if (found == jobs_.end()) return;
  const Pending pending = found->second;
  jobs_.erase(found);
  const bool done = outcome.kind == Outcome::Kind::done;
  switch (pending.part) {
    case Part::settle:
      if (outcome.kind == Outcome::Kind::lost) {
        owed(turn, pending.seat, "what was begun may still run there: " + outcome.error, outcome);
        std::erase(seats_, pending.seat);
      }
      if (jobs_.empty()) undo(turn);
      break;
    case Part::undo: {
      if (!done) {
        owed(turn, pending.seat, outcome.error, outcome);
        break;
      }
      const SeatStatus& is = status(turn).seats[pending.seat];
      // a name of its own: the probes of the way forward count from 1
      send(turn, pending.seat, Part::look,
           turn.job(index_, step().number + "/after-undo", step().call, is.seat, Verb::probe, is.undo_attempt));
      break;
    }
    case Part::look:
      compare(turn, pending.seat, outcome);
      break;
    case Part::stand_in_probe:
      done ? send_stand_in(turn, pending.seat, Verb::apply, outcome.state) : stand_in_done(turn, pending.seat, outcome);
      break;
    case Part::stand_in:
      stand_in_done(turn, pending.seat, outcome);
      break;
  }
  settled_ = jobs_.empty();
}

void UndoFlow::compare(TurnWriter& turn, std::size_t seat, const Outcome& outcome) {
  const SeatStatus& is = status(turn).seats[seat];
  if (outcome.kind != Outcome::Kind::done) {
    return owed(turn, seat, "undone, but what it left could not be looked at: " + outcome.error, outcome);
  }
  const State before = state_from_json(is.before);
  const std::string left = difference(before, state_from_json(outcome.state));
  if (!left.empty()) {
    return owed(turn, seat, "undone, but not everything is as it was before:\n" + left, Outcome{});
  }
  turn.record(RecordKind::undone, index_, is.seat);
}

void UndoFlow::owed(TurnWriter& turn, std::size_t seat, const std::string& error, const Outcome& outcome) {
  boost::json::object data = failure_data(Verb::undo, outcome);
  data["error"] = error;
  turn.record(RecordKind::undo_failed, index_, status(turn).seats[seat].seat, std::move(data));
}

void UndoFlow::stand_in_done(TurnWriter& turn, std::size_t seat, const Outcome& outcome) {
  const bool done = outcome.kind == Outcome::Kind::done;
  if (stands_in_on_own_hosts()) {
    if (!done) return owed(turn, seat, outcome.error, outcome);
    return turn.record(RecordKind::undone, index_, status(turn).seats[seat].seat);
  }
  if (!done) stand_in_failure_ = outcome;
  if (!jobs_.empty()) return;
  for (std::size_t touched : seats_) {
    if (stand_in_failure_) {
      owed(turn, touched, stand_in_failure_->error, *stand_in_failure_);
    } else {
      turn.record(RecordKind::undone, index_, status(turn).seats[touched].seat);
    }
  }
}

}  // namespace migrate
