// One step: an action and its modifiers.
#include "plans/duration.h"
#include "plans/fields.h"
#include "plans/find_action.h"
#include "plans/params.h"
#include "plans/phases.h"
#include "plans/texts.h"
#include "plans/undo.h"
#include "plans/utf8.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace migrate {
namespace {

constexpr std::size_t longest_made_name = 60;

/// At most about 60 bytes of the first line, cut between characters.
std::string shortened(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  std::size_t end = 0;
  while (end < line.size() && end < longest_made_name) end += next_utf8(line, end).length;
  bool cut = end < line.size() || text.find_first_not_of(" \n", line.size()) != std::string_view::npos;
  return std::string(line.substr(0, end)) + (cut ? "..." : "");
}

std::string texts_of(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (!value.is_array()) return {};
  std::string text;
  for (const boost::json::value& item : value.as_array())
    if (item.is_string()) text += (text.empty() ? "" : " ") + std::string(item.as_string());
  return text;
}

/// For a step without a name: the action and what its one-line form says, or its two hosts.
std::string made_name(const ActionSchema& schema, const ActionCall& call, const std::vector<Seat>& seats) {
  if (schema.placement == Placement::from_to && seats.size() == 2)
    return fmt::format("{} from {} to {}", call.action, seats[0].host, seats[1].host);
  const boost::json::value* param = call.params.if_contains(schema.shorthand);
  const Field* field = schema.field(schema.shorthand);
  bool is_duration = param && field && field->type == FieldType::duration;
  std::string text = is_duration ? for_people(Milliseconds(param->as_int64()))
                     : param     ? shortened(texts_of(*param))
                                 : "";
  return text.empty() ? call.action : call.action + " " + text;
}

Retry read_retry(Draft& draft, const Value& value) {
  Retry retry;
  constexpr int most_tries = 1000;
  auto times = [&](const Value& number) {
    return static_cast<int>(read_integer(draft, number, 0, most_tries).value_or(0));
  };
  if (!value.is_map()) {
    retry.times = times(value);
    return retry;
  }
  check_keys(draft, value, "retry", {"times", "pause"}, {"backoff", "until", "at_most"});
  const Value::Entry* count = value.find("times");
  if (count)
    retry.times = times(count->value);
  else
    draft.error(value.at, "retry needs \"times\"");
  if (const Value::Entry* pause = value.find("pause"))
    retry.pause = read_duration(draft, pause->value).value_or(retry.pause);
  return retry;
}

Downtime read_downtime(Draft& draft, const Value& value) {
  auto word = read_choice(draft, value, {"begins", "ends"});
  if (!word) return Downtime::none;
  return *word == "begins" ? Downtime::begins : Downtime::ends;
}

void read_modifiers(Draft& draft, const Value& map, Step& step) {
  step.id = read_id(draft, map);
  if (const Value::Entry* name = map.find("name")) step.name = read_title(draft, name->value).value_or("");
  if (const Value::Entry* timeout = map.find("timeout"))
    step.timeout = read_positive_duration(draft, timeout->value).value_or(step.timeout);
  if (const Value::Entry* retry = map.find("retry")) step.retry = read_retry(draft, retry->value);
  if (const Value::Entry* on_failure = map.find("on_failure"))
    step.on_failure = read_on_failure(draft, on_failure->value).value_or(step.on_failure);
  if (const Value::Entry* point = map.find("point_of_no_return"))
    step.point_of_no_return = read_sentence(draft, point->value, "what going back loses from here on").value_or("");
  if (const Value::Entry* downtime = map.find("downtime")) step.downtime = read_downtime(draft, downtime->value);
}

}  // namespace

void read_step(Draft& draft, const Value& map, const FoundAction& found, const Around& around,
               const std::string& number, const std::vector<int>& before) {
  Step step;
  step.number = number;
  step.phase = around.phase;
  step.at = map.at;
  step.after = before;
  step.timeout = draft.default_timeout;
  step.on_failure = around.on_failure;
  read_modifiers(draft, map, step);
  HostList own = read_hosts_of(draft, map);
  if (found.schema) {
    step.call = read_call(draft, *found.schema, *found.entry);
    step.seats = seats_of(draft, {*found.schema, *found.entry, step.call, own, around.hosts});
    if (step.name.empty()) step.name = made_name(*found.schema, step.call, step.seats);
  }
  StepInMaking making{map, found.schema, found.entry, own.given() ? own : around.hosts, step.seats};
  step.undo = read_undo(draft, making);
  step.verify = read_verify(draft, making);
  draft.plan.steps.push_back(std::move(step));
}

}  // namespace migrate
