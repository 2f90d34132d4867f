// What is known of a run: the fold of its records, and nothing else. Used by the engine as it goes, and by resume,
// rollback and status, which read the journal. The states are drawn in docs/architecture.md.
#pragma once

#include "plans/plan.h"
#include "runner/wire/record.h"

#include <boost/json/object.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

using Time = std::chrono::system_clock::time_point;

enum class SeatState {
  pending,
  probed,
  applying,
  applied,
  verified,
  undoing,
  undone,
  failed,
  unknown,
  skipped,
  waiting
};
std::string_view to_text(SeatState state);

/// One step on one host.
struct SeatStatus {
  Seat seat;
  SeatState state = SeatState::pending;
  bool touched = false;        // an apply was begun and it has not been undone: there may be something to take back
  bool unchanged = false;      // verified without an apply: there was nothing to do
  bool undo_owed = false;      // an undo was begun and failed
  bool apply_open = false;     // its apply was begun, and nobody has said how it ended
  bool verify_failed = false;  // failed, but only in what it looked like afterwards: the apply itself was done
  int attempt = 0;             // of apply: the last one begun, ever
  int undo_attempt = 0;
  boost::json::object before;   // State found by the probe that preceded the apply
  boost::json::object outputs;  // of apply
  boost::json::object change;   // mark, summary, details: for people
  std::string error;            // of the last failure
  std::string command;
  int exit_code = 0;
};

struct StepStatus {
  std::vector<SeatStatus> seats;  // at least one; a step without hosts has one with an empty name
  std::optional<Time> begun, ended;
  std::optional<Time> until;  // a wait's end
  bool answered = false;

  /// The one word for the whole step: the worst of its seats.
  SeatState state() const;
  bool done() const;     // nothing more to do going forward
  bool touched() const;  // something may have to be taken back
};

class RunState {
 public:
  /// `plan` must outlive it. `history`: the records so far, as fold() takes them.
  explicit RunState(const Plan& plan, const std::vector<Record>& history = {});
  /// Records must come in the order of the journal. Throws std::runtime_error for a step that the plan doesn't have.
  void fold(const Record& record);

  const StepStatus& step(int index) const { return steps_[static_cast<std::size_t>(index)]; }
  int size() const { return static_cast<int>(steps_.size()); }
  const std::vector<StepStatus>& steps() const { return steps_; }
  /// Steps of a rollback that was begun and hasn't ended, in undo order; empty when none is under way.
  const std::vector<int>& rollback_under_way() const { return rollback_; }
  std::optional<Time> begun() const { return begun_; }
  std::optional<Time> last() const { return last_; }
  /// The exit code of the last run_finished or paused record, if nothing came after it.
  std::optional<int> exit() const { return exit_; }
  const std::string& pause_reason() const { return pause_reason_; }
  bool everything_done() const;
  bool nothing_touched() const;
  /// Between the step that says `downtime: begins` and the one that says `ends`: how long so far, or in all.
  std::optional<std::chrono::milliseconds> downtime(Time now) const;

 private:
  void fold_run(const Record& record);
  void forget_from(int first);
  void fold_seat(StepStatus& step, SeatStatus& seat, const Record& record);
  SeatStatus& seat_of(StepStatus& step, const Record& record);

  const Plan& plan_;
  std::vector<StepStatus> steps_;
  std::vector<int> rollback_;
  std::optional<Time> begun_, last_;
  std::optional<int> exit_;
  std::string pause_reason_;
  std::optional<Time> downtime_begun_, downtime_ended_;
};

}  // namespace migrate
