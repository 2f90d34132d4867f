// A plan as it was when its run began: captured while it is loaded, and loaded again from what was captured.
#pragma once

#include "plans/load.h"
#include "runner/journal/journal.h"

#include <map>
#include <string>

namespace migrate {

/// Loads the plan from the file system and notes in `snapshot` all that the loading looked at.
Loaded load_and_capture(const std::string& path, const std::map<std::string, std::string>& vars, RunSnapshot& snapshot);

/// The same plan again, whatever has become of its files. Throws std::runtime_error when it cannot be loaded (a run of
/// another version of migrate).
Plan load_captured(const RunSnapshot& snapshot);

/// Whether the plan's file on disk differs from what the run began with.
bool plan_was_edited(const RunSnapshot& snapshot);

}  // namespace migrate
