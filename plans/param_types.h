// The field types that are more than a number or a text. Errors become diagnostics; the result is then empty.
#pragma once

#include "plans/draft.h"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace migrate {

using Param = std::optional<boost::json::value>;

/// The name itself when it is a host of the plan.
std::optional<std::string> known_host(Draft& draft, const Value& value, std::string_view name);

Param read_size(Draft& draft, const Value& value);
Param read_mode(Draft& draft, const Value& value);
Param read_file_beside(Draft& draft, const Value& value);
Param read_host_path(Draft& draft, const Value& value);
Param read_database(Draft& draft, const Value& value);
Param read_address(Draft& draft, const Value& value);
Param read_dns_names(Draft& draft, const Value& value);
Param read_command(Draft& draft, const Value& value);

}  // namespace migrate
