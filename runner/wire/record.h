// One event of a run, as the journal keeps it. Append-only; all that is known of a run is folded from its records.
// This format outlives the process: docs/journal.md has the recipe for changing it.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace migrate {

/// Names are the journal's words (to_text); the states of docs/architecture.md bear the same.
enum class RecordKind {
  run_started,  // data: plan digest, operator, variables
  run_resumed,  // data: operator
  // per step and seat
  probed,       // data: state, change (mark, summary, details)
  unchanged,    // the plan said '=': nothing to do, nothing done
  applying,     // data: before, attempt. On disk before the job leaves.
  applied,      // data: outputs, duration_ms
  verified,     // action.verify() and all checks passed
  failed,       // data: verb, error, command, exit_code, attempt
  unknown,      // data: why. A job that may have run.
  undoing,      // data: attempt
  undone,       // data: found equals before
  undo_failed,  // data: error, left: what is still different
  skipped,      // data: why
  // per step (no seat)
  waiting,   // data: until (ms since 1970) or ask
  answered,  // data: answer, by; also the person's word on an unknown step
  // per run
  rollback_begun,  // data: steps, in order; why
  rollback_ended,  // data: clean
  paused,          // data: why
  run_finished,    // data: exit
};
std::string_view to_text(RecordKind kind);
/// Throws std::runtime_error: a journal from a newer version.
RecordKind record_kind_from_text(std::string_view text);

struct Record {
  std::int64_t sequence = 0;  // given by the journal, 1.. per journal
  std::chrono::system_clock::time_point time;
  RecordKind kind = RecordKind::paused;
  std::string step;  // number, or ""
  std::string host;  // seat's host, or ""
  std::string role;  // seat's role, or ""
  boost::json::object data;
};

/// How times stand in records, snapshots and `--json`.
std::int64_t milliseconds_since_1970(std::chrono::system_clock::time_point time);

}  // namespace migrate
