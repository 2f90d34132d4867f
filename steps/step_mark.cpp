#include "steps/step_mark.h"

#include "plans/digest.h"

namespace migrate {

std::string step_mark(System& system) { return system.run_id() + "_" + sha256_hex(system.keep_folder()).substr(0, 4); }

}  // namespace migrate
