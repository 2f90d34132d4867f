// Sentences and blocks that several reports and commands share.
#pragma once

#include "plans/plan.h"
#include "runner/engine/dry_run.h"
#include "runner/engine/run_state.h"
#include "runner/engine/turn.h"

#include <cstdint>
#include <string>
#include <vector>

namespace migrate {

/// "4.2 MB", "312 B": powers of 1000, as network people count.
std::string size_text(std::uint64_t bytes);
/// "6 min 12 s", "0.4 s"
std::string took_text(Milliseconds duration);
/// "2026-11-22 14:02:11", local time
std::string time_text(Time time);
/// "14:02:11", local time
std::string clock_text(Time time);

/// "old -> new", "mirror1, mirror2", or ""
std::string hosts_text(const Step& step);

/// What an operator needs at two in the morning: which step, where, the tool's own words, what state each host is in,
/// and what can be done now.
std::string failure_text(const Plan& plan, const std::string& run, int step, const RunState& state, Time now);

/// The last lines of a run: what came of it, how long it took, the next command to type.
std::string finish_text(const Plan& plan, const std::string& run, const Finish& finish, const RunState& state,
                        Time now);

/// The dry run, as docs/language.md shows it; ends with "Nothing was changed."
std::string dry_run_text(const Plan& plan, const std::vector<DryRun::StepPreview>& previews);

/// What a rollback would undo, step by step.
std::string scope_text(const Plan& plan, const RunState& state, const std::vector<int>& steps);

/// What the plan's author says about undoing a step; "" where the action knows its own way back.
std::string undo_text(const Step& step);

/// A field ("summary", "undo") of the change of a step: of the seat that says most (a stream's target, not its source).
std::string change_text(const StepStatus& status, std::string_view field);

}  // namespace migrate
