// What a name in an expression stands for.
#pragma once

#include "plans/expression.h"

#include <string_view>

namespace migrate {

/// The value of `vars.X`, `secrets.X`, `hosts.H.address` or `env.NAME`; nullopt for an environment variable that is not
/// set. Throws ExpressionFault, with places counted from the name's beginning.
std::optional<ExpressionValue> look_up(std::string_view name, const Scope& scope);

}  // namespace migrate
