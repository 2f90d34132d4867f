#include "steps/params.h"

namespace migrate {

namespace {

std::string as_text(const boost::json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  const auto* object = value.if_object();
  const boost::json::value* name = object ? object->if_contains("$secret") : nullptr;
  return name && name->is_string() ? "${{ secrets." + std::string(name->get_string()) + " }}" : "";
}

}  // namespace

bool has_param(const boost::json::object& params, std::string_view name) {
  const boost::json::value* value = params.if_contains(name);
  return value && !value->is_null();
}

bool is_secret(const boost::json::object& params, std::string_view name) {
  const boost::json::value* value = params.if_contains(name);
  return value && value->is_object() && value->get_object().contains("$secret");
}

std::string text_param(const boost::json::object& params, std::string_view name, const std::string& otherwise) {
  return has_param(params, name) ? as_text(*params.if_contains(name)) : otherwise;
}

std::vector<std::string> texts_param(const boost::json::object& params, std::string_view name) {
  std::vector<std::string> texts;
  if (!has_param(params, name)) return texts;
  const boost::json::value& value = *params.if_contains(name);
  if (!value.is_array()) return {as_text(value)};
  for (const boost::json::value& item : value.get_array()) texts.push_back(as_text(item));
  return texts;
}

bool flag_param(const boost::json::object& params, std::string_view name, bool otherwise) {
  const boost::json::value* value = params.if_contains(name);
  return value && value->is_bool() ? value->get_bool() : otherwise;
}

}  // namespace migrate
