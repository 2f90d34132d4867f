#include "runner/engine/run_state.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <stdexcept>

namespace migrate {
namespace {

/// How much a seat's state says about its step: the largest wins.
int weight(SeatState state) {
  switch (state) {
    case SeatState::verified:
      return 0;
    case SeatState::skipped:
      return 1;
    case SeatState::pending:
      return 2;
    case SeatState::undone:
      return 3;
    case SeatState::applied:
      return 4;
    case SeatState::probed:
      return 5;
    case SeatState::applying:
      return 6;
    case SeatState::waiting:
      return 7;
    case SeatState::undoing:
      return 8;
    case SeatState::failed:
      return 9;
    case SeatState::unknown:
      return 10;
  }
  return 0;
}

std::string text_of(const boost::json::object& data, std::string_view key) {
  const auto* value = data.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

int number_of(const boost::json::object& data, std::string_view key, int otherwise) {
  const auto* value = data.if_contains(key);
  return value && value->is_int64() ? static_cast<int>(value->as_int64()) : otherwise;
}

boost::json::object object_of(const boost::json::object& data, std::string_view key) {
  const auto* value = data.if_contains(key);
  return value && value->is_object() ? value->as_object() : boost::json::object();
}

}  // namespace

std::string_view to_text(SeatState state) {
  switch (state) {
    case SeatState::pending:
      return "pending";
    case SeatState::probed:
      return "probed";
    case SeatState::applying:
      return "applying";
    case SeatState::applied:
      return "applied";
    case SeatState::verified:
      return "verified";
    case SeatState::undoing:
      return "undoing";
    case SeatState::undone:
      return "undone";
    case SeatState::failed:
      return "failed";
    case SeatState::unknown:
      return "unknown";
    case SeatState::skipped:
      return "skipped";
    case SeatState::waiting:
      return "waiting";
  }
  return "?";
}

SeatState StepStatus::state() const {
  return std::max_element(seats.begin(), seats.end(),
                          [](const SeatStatus& a, const SeatStatus& b) { return weight(a.state) < weight(b.state); })
      ->state;
}

bool StepStatus::done() const {
  return std::all_of(seats.begin(), seats.end(), [](const SeatStatus& seat) {
    return seat.state == SeatState::verified || seat.state == SeatState::skipped;
  });
}

bool StepStatus::touched() const {
  return std::any_of(seats.begin(), seats.end(), [](const SeatStatus& seat) { return seat.touched; });
}

RunState::RunState(const Plan& plan, const std::vector<Record>& history) : plan_(plan) {
  for (const Step& step : plan.steps) {
    StepStatus status;
    for (const Seat& seat : step.seats) status.seats.push_back({.seat = seat});
    if (status.seats.empty()) status.seats.push_back({});
    steps_.push_back(std::move(status));
  }
  for (const Record& record : history) fold(record);
}

bool RunState::everything_done() const {
  return std::all_of(steps_.begin(), steps_.end(), [](const StepStatus& step) { return step.done(); });
}

bool RunState::nothing_touched() const {
  return std::none_of(steps_.begin(), steps_.end(), [](const StepStatus& step) { return step.touched(); });
}

std::optional<std::chrono::milliseconds> RunState::downtime(Time now) const {
  if (!downtime_begun_) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(downtime_ended_.value_or(now) - *downtime_begun_);
}

void RunState::fold(const Record& record) {
  last_ = record.time;
  if (record.step.empty()) return fold_run(record);
  const auto index = plan_.find_step(record.step);
  if (!index) throw std::runtime_error("the journal speaks of step " + record.step + ", which the plan does not have");
  StepStatus& step = steps_[static_cast<std::size_t>(*index)];
  exit_.reset();
  if (record.kind == RecordKind::waiting || record.kind == RecordKind::answered) {
    for (SeatStatus& seat : step.seats) fold_seat(step, seat, record);
  } else {
    fold_seat(step, seat_of(step, record), record);
  }
  const Downtime downtime = plan_.steps[static_cast<std::size_t>(*index)].downtime;
  if (downtime == Downtime::begins && record.kind == RecordKind::applying) {
    downtime_begun_ = record.time;
    downtime_ended_.reset();
  }
  if (downtime == Downtime::begins && record.kind == RecordKind::undone && downtime_begun_ && !downtime_ended_) {
    downtime_ended_ = record.time;
  }
  if (downtime == Downtime::ends && record.kind == RecordKind::verified && downtime_begun_)
    downtime_ended_ = record.time;
  if (step.done()) step.ended = record.time;
}

SeatStatus& RunState::seat_of(StepStatus& step, const Record& record) {
  for (SeatStatus& seat : step.seats) {
    if (seat.seat.host == record.host && seat.seat.role == record.role) return seat;
  }
  throw std::runtime_error("the journal speaks of step " + record.step + " on " + record.host +
                           ", where the plan does not have it");
}

void RunState::fold_run(const Record& record) {
  exit_.reset();
  switch (record.kind) {
    case RecordKind::run_started:
      begun_ = record.time;
      break;
    case RecordKind::rollback_begun:
      rollback_.clear();
      if (const auto* list = record.data.if_contains("steps"); list && list->is_array()) {
        for (const auto& number : list->as_array()) {
          if (auto index = plan_.find_step(std::string_view(number.as_string()))) rollback_.push_back(*index);
        }
      }
      forget_from(plan_.find_step(text_of(record.data, "from")).value_or(size()));
      break;
    case RecordKind::rollback_ended:
      rollback_.clear();
      break;
    case RecordKind::paused:
    case RecordKind::run_finished:
      exit_ = number_of(record.data, "exit", 0);
      pause_reason_ = text_of(record.data, "why");
      break;
    default:
      break;
  }
}

/// What was only looked at, waited for or agreed to behind the point that a rollback goes back to counts no more: going
/// forward again, it has to be done again.
void RunState::forget_from(int first) {
  for (int index = first; index < size(); ++index) {
    StepStatus& step = steps_[static_cast<std::size_t>(index)];
    if (step.touched()) continue;
    for (SeatStatus& seat : step.seats) {
      seat.state = SeatState::pending;
      seat.unchanged = false;
      seat.error.clear();
    }
    step.begun.reset();
    step.ended.reset();
    step.until.reset();
    step.answered = false;
  }
}

void RunState::fold_seat(StepStatus& step, SeatStatus& seat, const Record& record) {
  if (!step.begun) step.begun = record.time;
  const auto failed = [&](SeatState state) {
    seat.state = state;
    seat.error = text_of(record.data, "error");
    seat.command = text_of(record.data, "command");
    seat.exit_code = number_of(record.data, "exit_code", 0);
    seat.verify_failed = text_of(record.data, "verb") == "verify";
    if (record.kind == RecordKind::failed) seat.apply_open = false;
  };
  switch (record.kind) {
    case RecordKind::probed:
      seat.state = SeatState::probed;
      seat.change = object_of(record.data, "change");
      seat.unchanged = false;
      break;
    case RecordKind::unchanged:
      seat.change = object_of(record.data, "change");
      seat.unchanged = true;
      seat.state = SeatState::probed;
      seat.error.clear();
      break;
    case RecordKind::applying:
      if (seat.state == SeatState::undone) step.begun = record.time;
      seat.state = SeatState::applying;
      seat.touched = true;
      seat.apply_open = true;
      seat.unchanged = seat.undo_owed = seat.verify_failed = false;
      seat.before = object_of(record.data, "before");
      seat.attempt = number_of(record.data, "attempt", seat.attempt + 1);
      seat.error.clear();
      break;
    case RecordKind::applied:
      seat.state = SeatState::applied;
      seat.apply_open = false;
      seat.outputs = object_of(record.data, "outputs");
      break;
    case RecordKind::verified:
      seat.state = SeatState::verified;
      break;
    case RecordKind::failed:
      failed(SeatState::failed);
      break;
    case RecordKind::unknown:
      failed(SeatState::unknown);
      break;
    case RecordKind::undoing:
      seat.state = SeatState::undoing;
      seat.undo_attempt = number_of(record.data, "attempt", seat.undo_attempt + 1);
      break;
    case RecordKind::undone:
      seat.state = SeatState::undone;
      seat.touched = seat.undo_owed = seat.unchanged = seat.apply_open = false;
      step.answered = false;
      step.until.reset();
      step.begun.reset();
      step.ended.reset();
      break;
    case RecordKind::undo_failed:
      failed(SeatState::failed);
      seat.undo_owed = true;
      break;
    case RecordKind::skipped:
      seat.state = SeatState::skipped;
      break;
    case RecordKind::waiting:
      if (seat.state == SeatState::pending || seat.state == SeatState::undone) seat.state = SeatState::waiting;
      if (const auto* until = record.data.if_contains("until"); until && until->is_int64()) {
        step.until = Time(std::chrono::milliseconds(until->as_int64()));
      }
      break;
    case RecordKind::answered: {
      const std::string answer = text_of(record.data, "answer");
      if (answer == "done") seat.state = SeatState::verified;
      if (answer == "yes") step.answered = true;
      break;
    }
    default:
      break;
  }
}

}  // namespace migrate
