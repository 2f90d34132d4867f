#include "plans/schema.h"

#include <algorithm>

namespace migrate {

const Field* ActionSchema::field(std::string_view wanted) const {
  auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == wanted; });
  return found == fields.end() ? nullptr : &*found;
}

const ActionSchema* ActionTable::find(std::string_view name) const {
  auto found =
      std::find_if(actions.begin(), actions.end(), [&](const ActionSchema& action) { return action.name == name; });
  return found == actions.end() ? nullptr : &*found;
}

}  // namespace migrate
