#include "runner/engine/step_flow.h"

#include "steps/catalogue.h"

#include <boost/json/array.hpp>

namespace migrate {
namespace {

constexpr Milliseconds check_pause{500};

const ActionSchema& schema_of(const ActionCall& call) {
  const ActionSchema* schema = action_table().find(call.action);
  if (!schema) throw std::runtime_error("unknown action " + call.action);
  return *schema;
}

std::vector<std::string> items_of(const boost::json::object& params) {
  std::vector<std::string> items;
  if (const auto* list = params.if_contains("items"); list && list->is_array()) {
    for (const auto& item : list->as_array()) items.emplace_back(item.as_string());
  }
  return items;
}

std::string message_of(const boost::json::object& params) {
  const auto* message = params.if_contains("message");
  return message && message->is_string() ? std::string(message->as_string()) : std::string();
}

}  // namespace

void StepFlow::begin(TurnWriter& turn) {
  const ActionSchema& schema = schema_of(step().call);
  if (schema.placement == Placement::nowhere) return begin_waiting(turn);
  if (schema.effect == Effect::reads) return verify(turn);
  std::vector<std::size_t> under_way, again, applied;
  const StepStatus& now = status(turn);
  for (std::size_t seat = 0; seat < now.seats.size(); ++seat) {
    const SeatStatus& is = now.seats[seat];
    // also where nobody knows: the agent's ledger may
    if (is.state == SeatState::applying || (is.apply_open && is.state == SeatState::unknown && !may_repeat_)) {
      under_way.push_back(seat);
      continue;
    }
    if (is.state == SeatState::applied || is.unchanged) applied.push_back(seat);
    if (is.touched && (is.state == SeatState::failed || is.state == SeatState::unknown)) {
      (is.verify_failed && !may_repeat_ ? applied : again).push_back(seat);
    }
  }
  if (under_way.empty() && again.empty() && applied.empty()) return probe(turn);
  resumed_ = !under_way.empty();
  if (!under_way.empty()) return apply(turn, under_way, true);
  if (!again.empty()) return apply(turn, again, false);
  verify(turn);
}

void StepFlow::begin_waiting(TurnWriter& turn) {
  const auto& params = step().call.params;
  if (step().call.action == "wait") {
    if (!status(turn).until) {
      const Time until = turn.now() + Milliseconds(params.at("for").as_int64());
      turn.record(RecordKind::waiting, index_, {}, {{"until", milliseconds_since_1970(until)}});
    }
    stage_ = Stage::waiting;
    deadline_ = status(turn).until;
    return on_tick(turn);
  }
  stage_ = Stage::asking;
  turn.record(RecordKind::waiting, index_, {}, {{"ask", step().call.action}});
  turn.ask({.kind = Question::Kind::confirm, .step = index_, .items = items_of(params), .message = message_of(params)});
}

void StepFlow::on_confirmed(TurnWriter& turn) {
  if (stage_ == Stage::asking) complete(turn);
}

void StepFlow::on_tick(TurnWriter& turn) {
  if (!deadline_ || turn.now() < *deadline_) return;
  const Stage stage = stage_;
  deadline_.reset();
  if (stage == Stage::waiting) complete(turn);
  if (stage == Stage::checking) check(turn);
  if (stage == Stage::pausing) begin(turn);
}

void StepFlow::send(TurnWriter& turn, std::size_t seat, Job job) {
  jobs_[job.unique()] = {seat, job.verb};
  turn.submit(std::move(job));
}

void StepFlow::probe(TurnWriter& turn) {
  stage_ = Stage::probing;
  found_.clear();
  ++serial_;
  for (std::size_t seat = 0; seat < step().seats.size(); ++seat) {
    send(turn, seat, turn.job(index_, step().number, step().call, step().seats[seat], Verb::probe, serial_));
  }
}

/// All probes are in: is there anything to do, and where?
void StepFlow::decide(TurnWriter& turn) {
  std::vector<std::size_t> seats;
  std::vector<Change> changes;
  bool any = false;
  for (std::size_t seat = 0; seat < step().seats.size(); ++seat) {
    try {
      changes.push_back(predict(step().call, step().seats[seat].role, found_[seat]));
    } catch (const std::exception& error) {
      Outcome refused;
      refused.kind = Outcome::Kind::refused;
      refused.error = error.what();
      return fail(turn, seat, Verb::probe, refused);
    }
    any = any || !changes.back().nothing_to_do();
  }
  for (std::size_t seat = 0; seat < step().seats.size(); ++seat) {
    const bool untouched = two_seats() ? !any : changes[seat].nothing_to_do();
    turn.record(untouched ? RecordKind::unchanged : RecordKind::probed, index_, step().seats[seat],
                {{"change", to_json(changes[seat])}});
    if (!untouched) seats.push_back(seat);
  }
  if (seats.empty()) return verify(turn);
  apply(turn, seats, false);
}

void StepFlow::apply(TurnWriter& turn, const std::vector<std::size_t>& seats, bool same_attempt) {
  stage_ = Stage::applying;
  waits_for_offer_.reset();
  std::vector<std::size_t> chosen = seats;
  if (two_seats() && !same_attempt) chosen = {0, 1};  // a stream has two ends: both or neither
  for (std::size_t seat : chosen) {
    if (same_attempt) continue;
    const SeatStatus& is = status(turn).seats[seat];
    const boost::json::object before = is.touched ? is.before : to_json(found_[seat]);
    turn.record(RecordKind::applying, index_, is.seat, {{"attempt", is.attempt + 1}, {"before", before}});
  }
  for (std::size_t seat : chosen) {
    if (step().seats[seat].role == "source" && chosen.size() == 2) {
      waits_for_offer_ = seat;
    } else {
      send_apply(turn, seat, std::nullopt);
    }
  }
}

void StepFlow::send_apply(TurnWriter& turn, std::size_t seat, const std::optional<PipeOffer>& offer) {
  const SeatStatus& is = status(turn).seats[seat];
  Job job = turn.job(index_, step().number, step().call, is.seat, Verb::apply, is.attempt);
  job.before = is.before;
  job.pipe = offer;
  job.then_verify = !two_seats() && schema_of(step().call).effect != Effect::opaque;
  verified_.erase(seat);
  send(turn, seat, std::move(job));
}

void StepFlow::on_offer(TurnWriter& turn, const std::string& unique, const PipeOffer& offer) {
  if (!owns(unique) || !waits_for_offer_) return;
  const std::size_t source = *waits_for_offer_;
  waits_for_offer_.reset();
  send_apply(turn, source, offer);
}

void StepFlow::on_outcome(TurnWriter& turn, const std::string& unique, const Outcome& outcome) {
  const auto found = jobs_.find(unique);
  if (found == jobs_.end()) return;
  const Pending pending = found->second;
  jobs_.erase(found);
  const bool done = outcome.kind == Outcome::Kind::done;
  switch (stage_) {
    case Stage::probing:
      if (!done) return fail(turn, pending.seat, Verb::probe, outcome);
      found_[pending.seat] = state_from_json(outcome.state);
      if (jobs_.empty()) decide(turn);
      return;
    case Stage::applying:
      return on_applied(turn, pending.seat, outcome);
    case Stage::verifying:
      if (!done) return fail(turn, pending.seat, Verb::verify, outcome);
      if (jobs_.empty()) next_check(turn);
      return;
    case Stage::checking:
      if (!done) {
        check_failed_ = true;
        check_outcome_ = outcome;
      }
      if (!jobs_.empty()) return;
      if (!check_failed_) {
        ++check_;
        return next_check(turn);
      }
      if (check_until_ && turn.now() < *check_until_) {
        deadline_ = turn.now() + check_pause;
        return;
      }
      return fail(turn, pending.seat, Verb::verify, check_outcome_);
    default:
      return;
  }
}

void StepFlow::on_applied(TurnWriter& turn, std::size_t seat, const Outcome& outcome) {
  const Seat& where = step().seats[seat];
  if (outcome.verified) verified_.insert(seat);
  if (outcome.applied && outcome.kind == Outcome::Kind::failed) {
    turn.record(RecordKind::applied, index_, where, {{"outputs", outcome.outputs}});
    turn.record(RecordKind::failed, index_, where, failure_data(Verb::verify, outcome));
  }
  switch (outcome.kind) {
    case Outcome::Kind::done:
      turn.record(RecordKind::applied, index_, where,
                  {{"outputs", outcome.outputs}, {"duration_ms", outcome.duration_ms}});
      break;
    case Outcome::Kind::failed:
    case Outcome::Kind::refused:
      if (!outcome.applied) turn.record(RecordKind::failed, index_, where, failure_data(Verb::apply, outcome));
      break;
    case Outcome::Kind::interrupted:
    case Outcome::Kind::lost:
      turn.record(RecordKind::unknown, index_, where, failure_data(Verb::apply, outcome));
      break;
  }
  if (waits_for_offer_) {
    // The target ended without listening: done long ago (the ledger knows the source's outcome, too), or failed.
    const std::size_t source = *waits_for_offer_;
    waits_for_offer_.reset();
    if (outcome.kind == Outcome::Kind::done) return send_apply(turn, source, std::nullopt);
    turn.record(RecordKind::failed, index_, step().seats[source],
                {{"verb", "apply"}, {"error", "not begun: " + where.host + " could not receive"}});
  }
  if (jobs_.empty()) all_applied(turn);
}

void StepFlow::all_applied(TurnWriter& turn) {
  bool failed = false, unknown = false;
  for (const SeatStatus& seat : status(turn).seats) {
    failed = failed || seat.state == SeatState::failed;
    unknown = unknown || seat.state == SeatState::unknown;
  }
  if (!failed && !unknown) return verify(turn);
  // An action of ours ends in the same state when it is applied again; a command of the plan's author may not.
  const bool repeatable = schema_of(step().call).effect == Effect::changes;
  if (resumed_ && repeatable) {
    resumed_ = false;
    std::vector<std::size_t> again;
    for (std::size_t seat = 0; seat < status(turn).seats.size(); ++seat) {
      const SeatState is = status(turn).seats[seat].state;
      if (is == SeatState::failed || is == SeatState::unknown) again.push_back(seat);
    }
    return apply(turn, again, false);
  }
  if (unknown && !repeatable) {
    if (!failed && !step().verify.empty()) return verify(turn);  // the checks can tell
    stage_ = Stage::unknown;
    return;
  }
  if (!retry_later(turn)) stage_ = Stage::failed;
}

void StepFlow::verify(TurnWriter& turn) {
  stage_ = Stage::verifying;
  check_ = 0;
  const ActionSchema& schema = schema_of(step().call);
  ++serial_;
  if (schema.effect != Effect::opaque) {
    for (std::size_t seat = 0; seat < step().seats.size(); ++seat) {
      const SeatStatus& is = status(turn).seats[seat];
      if (is.unchanged || verified_.contains(seat)) continue;
      Job job = turn.job(index_, step().number, step().call, is.seat, Verb::verify, serial_);
      job.before = is.before;
      job.outputs = is.outputs;
      send(turn, seat, std::move(job));
    }
  }
  if (jobs_.empty()) next_check(turn);
}

void StepFlow::next_check(TurnWriter& turn) {
  if (check_ >= step().verify.size()) return complete(turn);
  const Check& next = step().verify[check_];
  check_until_ = turn.now() + next.within;
  check(turn);
}

void StepFlow::check(TurnWriter& turn) {
  stage_ = Stage::checking;
  check_failed_ = false;
  ++serial_;
  const Check& now = step().verify[check_];
  for (std::size_t seat = 0; seat < now.seats.size(); ++seat) {
    Job job = turn.job(index_, step().number + "/check" + std::to_string(check_ + 1), now.call, now.seats[seat],
                       Verb::verify, serial_);
    job.params["as_check"] = true;
    send(turn, std::min(seat, step().seats.empty() ? 0 : step().seats.size() - 1), std::move(job));
  }
}

void StepFlow::complete(TurnWriter& turn) {
  stage_ = Stage::done;
  for (const SeatStatus& seat : status(turn).seats) turn.record(RecordKind::verified, index_, seat.seat);
}

/// A probe, a verify or a check said no. Waits for its sisters' answers before the step is called failed.
void StepFlow::fail(TurnWriter& turn, std::size_t seat, Verb verb, const Outcome& outcome) {
  const Seat where = step().seats.empty() ? Seat{} : step().seats[seat];
  turn.record(RecordKind::failed, index_, where, failure_data(verb, outcome));
  jobs_.clear();  // the others only read: what they will answer changes nothing
  if (!retry_later(turn)) stage_ = Stage::failed;
}

bool StepFlow::retry_later(TurnWriter& turn) {
  if (retries_ >= step().retry.times) return false;
  deadline_ = turn.now() + step().retry.pause * (1 << std::min(retries_, 10));
  ++retries_;
  stage_ = Stage::pausing;
  return true;
}

}  // namespace migrate
