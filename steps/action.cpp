#include "steps/action.h"

namespace migrate {

Change CheckAction::plan(const State&) const {
  Change change;
  change.summary = "reads only";
  return change;
}

}  // namespace migrate
