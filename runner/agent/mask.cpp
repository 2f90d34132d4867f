#include "runner/agent/mask.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>

namespace migrate {
namespace {

/// A shorter line of a longer secret ("}" in a key file) would mask half of all output.
constexpr std::size_t shortest_masked_line = 6;

}  // namespace

Mask::Mask(const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (!secret.empty()) values_.push_back(secret);
    for (std::size_t begin = 0; secret.find('\n') != std::string::npos && begin < secret.size();) {
      const auto end = std::min(secret.find('\n', begin), secret.size());
      if (end - begin >= shortest_masked_line) values_.push_back(secret.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::stable_sort(values_.begin(), values_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Mask::operator()(std::string text) const {
  static constexpr std::string_view stars = "****";
  for (const auto& value : values_) {
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + stars.size())) {
      text.replace(at, value.size(), stars);
    }
  }
  return text;
}

void Mask::apply_to(boost::json::value& value) const {
  if (values_.empty()) return;
  if (auto* text = value.if_string()) {
    *text = (*this)(std::string(*text));
  } else if (auto* array = value.if_array()) {
    for (auto& item : *array) apply_to(item);
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) apply_to(member.value());
  }
}

}  // namespace migrate
