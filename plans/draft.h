// A plan in the making: what all parts of the loader read and fill. Lives for one load_plan(); not thread-safe.
#pragma once

#include "plans/diagnostics.h"
#include "plans/excerpt.h"
#include "plans/expression.h"
#include "plans/lines.h"
#include "plans/load.h"
#include "plans/plan.h"
#include "plans/schema.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// Ends the loading at once, after its reason has become a diagnostic: beyond a bound there is nothing more to learn.
struct LoadStopped {};

/// The plan's `dns:` section.
struct DnsSection {
  std::string server;
  std::string key;  // a secret's name
};

struct Draft {
  Draft(const LoadInput& load_input, const ActionTable& table, Diagnostics& all)
      : input(load_input), actions(table), diagnostics(all), lines(load_input.text) {}

  const LoadInput& input;
  const ActionTable& actions;
  Diagnostics& diagnostics;
  Lines lines;
  Scope scope;
  Plan plan;
  std::optional<DnsSection> dns;
  bool dns_is_broken = false;  // there is a section, and its errors have been told
  Milliseconds default_timeout{600000};
  OnFailure default_on_failure = OnFailure::ask;
  std::map<std::string, Position> ids;            // of steps and phases
  std::map<std::string, std::string> files_read;  // path -> content
  std::map<std::string, std::string> environment_read;

  /// Adds an error; throws LoadStopped when there are more than anybody would read.
  void error(Position at, std::string message, std::string hint = {}, std::size_t length = 1);
  /// An error that underlines a whole value.
  void error_at(const Value& value, std::string message, std::string hint = {});
  /// An error that underlines a map's key.
  void error_at_key(const Value::Entry& entry, std::string message, std::string hint = {});
  /// "expected a duration such as 90s, found a list"
  void expected(const Value& value, std::string_view what, std::string hint = {});
  /// The same for a text whose `${{ }}` have been replaced: what they yielded is what was found.
  void expected(const Value& value, std::string_view what, const std::optional<std::string>& text, std::string hint);
  [[noreturn]] void stop(Position at, std::string message);

  /// Counts what a small text can blow up: texts made from expressions, hosts of steps. Throws LoadStopped.
  void charge_text(const Value& value, std::size_t bytes);
  void charge_hosts(Position at, std::size_t count);

 private:
  std::size_t errors_ = 0;
  std::size_t text_bytes_ = 0;
  std::size_t hosts_ = 0;
};

/// Errors for the keys of `map` that are not in `known`: those in `not_yet` belong to the language, but not to this
/// version of it. `what` names the map: "a phase". False when `value` is no map, which is an error too.
bool check_keys(Draft& draft, const Value& value, std::string_view what, const std::vector<std::string_view>& known,
                const std::vector<std::string_view>& not_yet = {});

/// The keys of a map, for "did you mean".
template <typename Named>
std::vector<std::string_view> key_names(const std::map<std::string, Named>& all) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : all) names.emplace_back(name);
  return names;
}

}  // namespace migrate
