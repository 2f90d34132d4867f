// A short text that belongs to one step on one seat of one run: for the names of what a step sets aside or makes. Two
// steps of a run may work on the same resource.
#pragma once

#include "steps/system.h"

#include <string>

namespace migrate {

/// "7f3a_c01d": the run's id, and four hex digits. The same for every verb of the step. [a-z0-9_]
std::string step_mark(System& system);

}  // namespace migrate
