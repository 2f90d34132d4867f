// The actions that need no host: the engine itself carries them out. Only their schemas are here.
#pragma once

#include "plans/schema.h"

#include <vector>

namespace migrate {

std::vector<ActionSchema> engine_step_schemas();

}  // namespace migrate
