#include "plans/params.h"

#include "plans/fields.h"
#include "plans/param_types.h"
#include "plans/texts.h"

#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace migrate {
namespace {

namespace json = boost::json;

/// Fields that the language gives to actions which have them not yet.
struct LaterFields {
  std::string_view action;
  std::vector<std::string_view> fields;
};
const std::vector<LaterFields>& later_fields() {
  static const std::vector<LaterFields> all{{"wait", {"until", "at_most", "ttl_of"}},
                                            {"approve", {"by", "not_before", "expires", "message"}},
                                            {"rsync", {"bandwidth", "exclude", "delete"}},
                                            {"http.check", {"hsts", "certificate_days", "redirects", "headers"}}};
  return all;
}

bool is_later_field(const ActionSchema& schema, const std::string& key) {
  if (schema.field(key)) return false;
  return std::ranges::any_of(later_fields(), [&](const LaterFields& later) {
    return later.action == schema.name && std::ranges::find(later.fields, key) != later.fields.end();
  });
}

template <typename Read>
Param as_param(const std::optional<Read>& read) {
  if (!read) return std::nullopt;
  return json::value_from(*read);
}

void unknown_field(Draft& draft, const ActionSchema& schema, const Value::Entry& entry) {
  if (is_later_field(schema, entry.key))
    return draft.error_at_key(entry, fmt::format("{} of {} is not yet supported", in_quotes(entry.key), schema.name));
  std::vector<std::string_view> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  std::string hint = did_you_mean(entry.key, names);
  if (hint.empty()) hint = fmt::format("{} has: {}", schema.name, fmt::join(names, ", "));
  draft.error_at_key(entry, fmt::format("{} has no field {}", schema.name, in_quotes(entry.key)), hint);
}

void check_missing(Draft& draft, const ActionSchema& schema, const Value::Entry& entry,
                   const std::vector<std::string_view>& given) {
  auto is_given = [&](std::string_view name) { return std::ranges::find(given, name) != given.end(); };
  for (const Field& field : schema.fields)
    if (field.required && !is_given(field.name))
      draft.error_at_key(entry, fmt::format("{} needs \"{}\"", schema.name, field.name), std::string(field.summary));
  for (const auto& group : schema.exactly_one_of) {
    auto count = std::ranges::count_if(group, is_given);
    if (count == 1) continue;
    std::string_view problem = count == 0 ? "needs" : "takes only";
    draft.error_at_key(entry, fmt::format("{} {} one of: {}", schema.name, problem, fmt::join(group, ", ")));
  }
}

/// dns.*: what the plan's own section says is part of every call.
void add_dns(Draft& draft, const ActionSchema& schema, const Value::Entry& entry, json::object& params) {
  if (!schema.name.starts_with("dns.") || draft.dns_is_broken) return;
  if (!draft.dns) {
    draft.error_at_key(entry, fmt::format("{} needs a \"dns:\" section in the plan", schema.name),
                       "dns: { server: NAME, key: ${{ secrets.NAME }} }");
    return;
  }
  if (!params.contains("server")) params["server"] = draft.dns->server;
  if (!params.contains("key")) params["key"] = json::object{{"$secret", draft.dns->key}};
}

bool is_from_dns_section(const ActionSchema& schema, const Field& field) {
  return schema.name.starts_with("dns.") && (field.name == "server" || field.name == "key");
}

void read_fields(Draft& draft, const ActionSchema& schema, const Value::Entry& entry,
                 const std::vector<std::string_view>& modifiers, std::vector<std::string_view>& given,
                 json::object& params) {
  for (const Value::Entry& written : entry.value.entries) {
    const Field* field = schema.field(written.key);
    if (!field) {
      bool theirs = std::ranges::find(modifiers, written.key) != modifiers.end();
      if (!theirs) unknown_field(draft, schema, written);
      continue;
    }
    given.push_back(field->name);
    if (auto param = read_field(draft, *field, written.value)) params[field->name] = std::move(*param);
  }
}

void read_shorthand(Draft& draft, const ActionSchema& schema, const Value::Entry& entry,
                    std::vector<std::string_view>& given, json::object& params) {
  const Field* field = schema.field(schema.shorthand);
  if (!field) return draft.expected(entry.value, fmt::format("the fields of {} (a map)", schema.name));
  given.push_back(field->name);
  if (auto param = read_field(draft, *field, entry.value)) params[field->name] = std::move(*param);
}

}  // namespace

std::optional<json::value> read_field(Draft& draft, const Field& field, const Value& value) {
  switch (field.type) {
    case FieldType::text:
      return as_param(read_text(draft, value));
    case FieldType::texts:
      return as_param(read_texts(draft, value));
    case FieldType::integer:
      return as_param(read_integer(draft, value));
    case FieldType::boolean:
      return as_param(read_boolean(draft, value));
    case FieldType::choice:
      return as_param(read_choice(draft, value, field.choices));
    case FieldType::duration: {
      auto duration = read_duration(draft, value);
      return duration ? Param(duration->count()) : std::nullopt;
    }
    case FieldType::host: {
      auto name = read_text(draft, value, "a host");
      return name ? as_param(known_host(draft, value, *name)) : std::nullopt;
    }
    case FieldType::size:
      return read_size(draft, value);
    case FieldType::mode:
      return read_mode(draft, value);
    case FieldType::file:
      return read_file_beside(draft, value);
    case FieldType::host_path:
      return read_host_path(draft, value);
    case FieldType::database:
      return read_database(draft, value);
    case FieldType::address:
      return read_address(draft, value);
    case FieldType::names:
      return read_dns_names(draft, value);
    case FieldType::command:
      return read_command(draft, value);
  }
  return std::nullopt;
}

ActionCall read_call(Draft& draft, const ActionSchema& schema, const Value::Entry& entry,
                     const std::vector<std::string_view>& modifiers) {
  ActionCall call;
  call.action = std::string(schema.name);
  call.at = entry.key_at;
  std::vector<std::string_view> given;
  if (entry.value.is_map())
    read_fields(draft, schema, entry, modifiers, given, call.params);
  else if (!entry.value.is_null())
    read_shorthand(draft, schema, entry, given, call.params);
  for (const Field& field : schema.fields)
    if (is_from_dns_section(schema, field)) given.push_back(field.name);
  auto is_later = [&](const Value::Entry& written) { return is_later_field(schema, written.key); };
  bool told = std::ranges::any_of(entry.value.entries, is_later);  // a form of a later version: nothing else is missing
  if (!told) check_missing(draft, schema, entry, given);
  add_dns(draft, schema, entry, call.params);
  return call;
}

}  // namespace migrate
