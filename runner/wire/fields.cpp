#include "runner/wire/fields.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

namespace migrate {
namespace {

// States may hold paths and contents that are not UTF-8: they come back as they were, byte for byte.
boost::json::parse_options wire_options() {
  boost::json::parse_options options;
  options.max_depth = 64;
  options.allow_invalid_utf8 = true;
  return options;
}

boost::json::object parsed_object(std::string_view text, const std::string& what) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error, {}, wire_options());
  if (error) throw std::runtime_error(fmt::format("{} is not valid JSON: {}", what, error.message()));
  if (!value.is_object()) throw std::runtime_error(fmt::format("{} is not a JSON object", what));
  return std::move(value.as_object());
}

std::optional<std::int64_t> whole_number(const boost::json::value& value) {
  if (value.is_int64()) return value.as_int64();
  if (value.is_uint64() && value.as_uint64() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return static_cast<std::int64_t>(value.as_uint64());
  return std::nullopt;
}

}  // namespace

Fields::Fields(std::string_view text, std::string what) : object_(parsed_object(text, what)), what_(std::move(what)) {}

Fields::Fields(boost::json::object object, std::string what) : object_(std::move(object)), what_(std::move(what)) {}

void Fields::wrong(std::string_view name, std::string_view why) const {
  throw std::runtime_error(fmt::format("{}'s field \"{}\" {}", what_, name, why));
}

const boost::json::value& Fields::field(std::string_view name) const {
  const boost::json::value* value = object_.if_contains(name);
  if (!value) wrong(name, "is missing");
  return *value;
}

std::string Fields::text(std::string_view name) const {
  const boost::json::value& value = field(name);
  if (!value.is_string()) wrong(name, "is not a string");
  const auto& string = value.as_string();
  return std::string(string.data(), string.size());
}

std::string Fields::text_or(std::string_view name, std::string otherwise) const {
  return has(name) ? text(name) : std::move(otherwise);
}

std::int64_t Fields::number(std::string_view name, std::int64_t least, std::int64_t most) const {
  const std::optional<std::int64_t> number = whole_number(field(name));
  if (!number) wrong(name, "is not a whole number");
  if (*number < least || *number > most)
    wrong(name, fmt::format("is {}, which is not in {}..{}", *number, least, most));
  return *number;
}

std::int64_t Fields::number_or(std::string_view name, std::int64_t least, std::int64_t most,
                               std::int64_t otherwise) const {
  return has(name) ? number(name, least, most) : otherwise;
}

bool Fields::flag_or(std::string_view name, bool otherwise) const {
  if (!has(name)) return otherwise;
  const boost::json::value& value = field(name);
  if (!value.is_bool()) wrong(name, "is neither true nor false");
  return value.as_bool();
}

boost::json::object Fields::object(std::string_view name) const {
  const boost::json::value& value = field(name);
  if (!value.is_object()) wrong(name, "is not an object");
  return value.as_object();
}

boost::json::object Fields::object_or_empty(std::string_view name) const {
  return has(name) ? object(name) : boost::json::object();
}

std::vector<std::string> Fields::texts_or_empty(std::string_view name) const {
  std::vector<std::string> texts;
  if (!has(name)) return texts;
  const boost::json::value& value = field(name);
  if (!value.is_array()) wrong(name, "is not a list");
  for (const boost::json::value& entry : value.as_array()) {
    if (!entry.is_string()) wrong(name, "holds something that is not a string");
    texts.emplace_back(entry.as_string().data(), entry.as_string().size());
  }
  return texts;
}

}  // namespace migrate
