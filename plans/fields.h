// Single values of a plan, read as what the language says they are. Errors become diagnostics; the result is then
// empty.
#pragma once

#include "plans/draft.h"
#include "plans/plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

std::optional<std::int64_t> read_integer(Draft& draft, const Value& value, std::int64_t least = INT64_MIN,
                                         std::int64_t most = INT64_MAX);
std::optional<bool> read_boolean(Draft& draft, const Value& value);
std::optional<Milliseconds> read_duration(Draft& draft, const Value& value);
/// Longer than nothing: for time-outs.
std::optional<Milliseconds> read_positive_duration(Draft& draft, const Value& value);
std::optional<std::string> read_choice(Draft& draft, const Value& value, const std::vector<std::string_view>& choices);
std::optional<OnFailure> read_on_failure(Draft& draft, const Value& value);
/// A text that says something: not empty, not only blanks.
std::optional<std::string> read_sentence(Draft& draft, const Value& value, std::string_view what);
/// One line that says something.
std::optional<std::string> read_title(Draft& draft, const Value& value);

/// Whether `text` can name a host, a group or a secret, or be an id: letters, digits, "_", "-" and ".", not first "-"
/// or ".".
bool is_name(std::string_view text);
/// For a key that names something; an error when it can't.
bool check_name(Draft& draft, const Value::Entry& entry);

}  // namespace migrate
