#include "steps/state.h"

#include <boost/json/serialize.hpp>

#include <stdexcept>

namespace migrate {

namespace {

constexpr std::size_t longest_value = 60;

std::string shortened(std::string text) {
  if (text.size() <= longest_value) return text;
  std::size_t end = longest_value;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not in the middle of a character
  return text.substr(0, end) + "...";
}

std::string for_people(const boost::json::value& value) {
  if (value.is_null()) return "not there";
  if (const auto* text = value.if_string()) return shortened(std::string(*text));
  return shortened(boost::json::serialize(value));
}

/// The members in which two objects differ, as "mode 0644 -> 0640, owner ...".
std::string member_difference(const boost::json::object& expected, const boost::json::object& found) {
  std::string text;
  auto add = [&](boost::json::string_view name, const boost::json::value* before, const boost::json::value* after) {
    if (!text.empty()) text += ", ";
    if (name == "content") {
      text += "other content";
      return;
    }
    if (name != "active") text += std::string(name) + " ";  // active -> inactive speaks for itself
    text += (before ? for_people(*before) : "none") + " -> " + (after ? for_people(*after) : "none");
  };
  for (const auto& member : expected) {
    const boost::json::value* other = found.if_contains(member.key());
    if (!other || *other != member.value()) add(member.key(), &member.value(), other);
  }
  for (const auto& member : found) {
    if (!expected.contains(member.key())) add(member.key(), nullptr, &member.value());
  }
  return text;
}

bool agrees(const boost::json::value& predicted, const boost::json::value& found) {
  const auto* wanted = predicted.if_object();
  if (!wanted) return predicted == found;
  const auto* there = found.if_object();
  if (!there) return false;
  for (const auto& member : *wanted) {
    const boost::json::value* other = there->if_contains(member.key());
    if (!other || !agrees(member.value(), *other)) return false;
  }
  return true;
}

const boost::json::value& at_or_null(const State& state, const std::string& key) {
  static const boost::json::value none;
  auto found = state.find(key);
  return found == state.end() ? none : found->second;
}

}  // namespace

boost::json::object to_json(const State& state) {
  boost::json::object object;
  for (const auto& [resource, value] : state) object[resource] = value;
  return object;
}

State state_from_json(const boost::json::value& value) {
  const auto* object = value.if_object();
  if (!object)
    throw std::runtime_error("A state must be a JSON object, not " + shortened(boost::json::serialize(value)));
  State state;
  for (const auto& member : *object) state[member.key()] = member.value();
  return state;
}

State overlaid(State base, const State& over) {
  for (const auto& [resource, value] : over) base[resource] = value;
  return base;
}

bool agrees(const State& predicted, const State& found) {
  for (const auto& [resource, value] : predicted) {
    if (!agrees(value, at_or_null(found, resource))) return false;
  }
  return true;
}

std::string difference(const State& expected, const State& found) {
  State all = overlaid(expected, found);
  std::string text;
  for (const auto& [resource, unused] : all) {
    const boost::json::value& before = at_or_null(expected, resource);
    const boost::json::value& after = at_or_null(found, resource);
    if (before == after) continue;
    bool objects = before.is_object() && after.is_object();
    text += resource + ": ";
    if (objects) {
      text += member_difference(before.get_object(), after.get_object());
    } else if (before.is_null() && after.is_object()) {
      text += "not there -> there";
    } else if (before.is_object() && after.is_null()) {
      text += "there -> not there";
    } else {
      text += for_people(before) + " -> " + for_people(after);
    }
    text += "\n";
  }
  return text;
}

}  // namespace migrate
