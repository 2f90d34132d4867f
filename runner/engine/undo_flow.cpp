#include "runner/engine/undo_flow.h"

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
  switch (step().undo.kind) {
    case Undo::Kind::native:
      for (std::size_t seat : seats_) undo_natively(turn, seat);
      break;
    case Undo::Kind::call:
      undo_by_call(turn);
      break;
    case Undo::Kind::nothing:
      for (std::size_t seat : seats_) {
        turn.record(RecordKind::undone, index_, now.seats[seat].seat,
                    {{"note", "the plan says there is nothing to undo"}});
      }
      break;
    case Undo::Kind::irreversible:
      for (std::size_t seat : seats_) owed(turn, seat, "irreversible: " + step().undo.why, {});
      break;
  }
  settle_if_all_in();
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

void UndoFlow::undo_by_call(TurnWriter& turn) {
  const int attempt = seats_.empty() ? 1 : status(turn).seats[seats_.front()].undo_attempt;
  for (std::size_t seat = 0; seat < step().undo.seats.size(); ++seat) {
    send(turn, seat, Part::stand_in_probe,
         turn.job(index_, stand_in_name(), step().undo.call, step().undo.seats[seat], Verb::probe, attempt));
  }
}

void UndoFlow::on_outcome(TurnWriter& turn, const std::string& unique, const Outcome& outcome) {
  const auto found = jobs_.find(unique);
  if (found == jobs_.end()) return;
  const Pending pending = found->second;
  jobs_.erase(found);
  const bool done = outcome.kind == Outcome::Kind::done;
  switch (pending.part) {
    case Part::undo: {
      if (!done) {
        owed(turn, pending.seat, outcome.error, outcome);
        break;
      }
      const SeatStatus& is = status(turn).seats[pending.seat];
      // an attempt number of its own: the probes of the way forward count from 1
      send(turn, pending.seat, Part::look,
           turn.job(index_, step().number + "/after-undo", step().call, is.seat, Verb::probe, is.undo_attempt));
      break;
    }
    case Part::look:
      compare(turn, pending.seat, outcome);
      break;
    case Part::stand_in_probe: {
      if (!done) {
        stand_in_done(turn, outcome);
        break;
      }
      const int attempt = seats_.empty() ? 1 : status(turn).seats[seats_.front()].undo_attempt;
      Job job =
          turn.job(index_, stand_in_name(), step().undo.call, step().undo.seats[pending.seat], Verb::apply, attempt);
      job.before = outcome.state;
      send(turn, pending.seat, Part::stand_in, std::move(job));
      break;
    }
    case Part::stand_in:
      stand_in_done(turn, outcome);
      break;
  }
  settle_if_all_in();
}

void UndoFlow::compare(TurnWriter& turn, std::size_t seat, const Outcome& outcome) {
  const SeatStatus& is = status(turn).seats[seat];
  if (outcome.kind != Outcome::Kind::done) {
    return owed(turn, seat, "undone, but what it left could not be looked at: " + outcome.error, outcome);
  }
  const State before = state_from_json(is.before);
  const std::string left = difference(before, state_from_json(outcome.state));
  if (!left.empty()) {
    Outcome differs;
    return owed(turn, seat, "undone, but not everything is as it was before:\n" + left, differs);
  }
  turn.record(RecordKind::undone, index_, is.seat);
}

void UndoFlow::owed(TurnWriter& turn, std::size_t seat, std::string error, const Outcome& outcome) {
  boost::json::object data = failure_data(Verb::undo, outcome);
  data["error"] = std::move(error);
  turn.record(RecordKind::undo_failed, index_, step().seats.empty() ? Seat{} : step().seats[seat], std::move(data));
}

void UndoFlow::stand_in_done(TurnWriter& turn, const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::done) failures_.push_back(outcome);
  if (!jobs_.empty()) return;
  for (std::size_t seat : seats_) {
    if (failures_.empty()) {
      turn.record(RecordKind::undone, index_, status(turn).seats[seat].seat);
    } else {
      owed(turn, seat, failures_.front().error, failures_.front());
    }
  }
}

}  // namespace migrate
