// Texts of a plan with their `${{ }}` replaced. Errors become diagnostics at the exact place; the result is then empty.
#pragma once

#include "plans/draft.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// One text. `what` completes "expected ...".
std::optional<std::string> read_text(Draft& draft, const Value& value, std::string_view what = "a text");

/// A text or a list of texts; a list variable that is a whole text adds all its items. Never empty.
std::optional<std::vector<std::string>> read_texts(Draft& draft, const Value& value,
                                                   std::string_view what = "a text or a list of texts");

/// A shell text: what expressions put in is quoted for the shell unless raw(); of a list, each item.
std::optional<std::string> read_shell_text(Draft& draft, const Value& value);

/// The name of the secret that is the whole value.
std::optional<std::string> read_secret(Draft& draft, const Value& value);

}  // namespace migrate
