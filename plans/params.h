// The parameters of actions: from what stands behind an action's name to the JSON that the action is made from.
#pragma once

#include "plans/draft.h"
#include "plans/plan.h"
#include "plans/schema.h"

#include <boost/json/value.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace migrate {

/// One field's value as FieldType says; nullopt after an error.
std::optional<boost::json::value> read_field(Draft& draft, const Field& field, const Value& value);

/// A call of the action that `entry` names. All errors are told; a field with an error is missing from the result.
/// Keys in `modifiers` belong to who asks and are left alone where the action has no such field.
ActionCall read_call(Draft& draft, const ActionSchema& schema, const Value::Entry& entry,
                     const std::vector<std::string_view>& modifiers = {});

}  // namespace migrate
