#include "plans/phases.h"

#include "plans/fields.h"
#include "plans/find_action.h"
#include "plans/texts.h"

#include <fmt/format.h>

namespace migrate {
namespace {

constexpr std::size_t most_steps = 5000;

const ActionNeighbours& step_keys() {
  static const ActionNeighbours keys{"a step",
                                     {"name", "id", "host", "timeout", "retry", "undo", "verify", "on_failure",
                                      "downtime", "point_of_no_return", "irreversible"},
                                     {"if", "unreachable", "require", "serial", "become", "env", "dry_run",
                                      "confirm_within", "temporarily", "each", "use", "with", "limits"},
                                     {"steps", "parallel"}};
  return keys;
}

/// A group hands on hosts and on_failure; everything else belongs to single steps, for now.
void check_group_keys(Draft& draft, const Value& map, const Value::Entry& group) {
  for (const Value::Entry& entry : map.entries) {
    bool is_modifier = std::ranges::find(step_keys().modifiers, entry.key) != step_keys().modifiers.end();
    bool is_for_groups = entry.key == "name" || entry.key == "host" || entry.key == "on_failure";
    if (is_modifier && !is_for_groups)
      draft.error_at_key(entry,
                         fmt::format("{} beside {} is not yet supported", in_quotes(entry.key), in_quotes(group.key)),
                         "put it on the steps inside");
  }
  if (const Value::Entry* name = map.find("name")) read_title(draft, name->value);
}

std::vector<int> read_group(Draft& draft, const Value& map, const Value::Entry& group, const Around& around,
                            const std::string& number, const std::vector<int>& before) {
  check_group_keys(draft, map, group);
  Around inside = around;
  inside.number = number;
  if (HostList own = read_hosts_of(draft, map); own.given()) inside.hosts = own;
  if (const Value::Entry* on_failure = map.find("on_failure"))
    inside.on_failure = read_on_failure(draft, on_failure->value).value_or(around.on_failure);
  Order order = group.key == "parallel" ? Order::side_by_side : Order::one_after_another;
  return read_steps(draft, group.value, inside, order, before);
}

/// One item of a list of steps. The result: what waits for it has to wait for; `before` when it holds no step.
std::vector<int> read_item(Draft& draft, const Value& item, const Around& around, const std::string& number,
                           const std::vector<int>& before) {
  if (!item.is_map()) {
    draft.expected(item, "a step (a map)");
    return before;
  }
  FoundAction found = find_action(draft, item, step_keys());
  if (found.entry && !found.schema) return read_group(draft, item, *found.entry, around, number, before);
  if (draft.plan.steps.size() >= most_steps)
    draft.stop(item.at, fmt::format("the plan has more than {} steps", most_steps));
  read_step(draft, item, found, around, number, before);
  return {static_cast<int>(draft.plan.steps.size()) - 1};
}

std::vector<int> read_phase(Draft& draft, const Value& value, int index, const std::vector<int>& before) {
  Phase phase;
  phase.number = std::to_string(index + 1);
  phase.name = "Phase " + phase.number;
  phase.at = value.at;
  Around around{index, phase.number, {}, draft.default_on_failure};
  const Value::Entry* steps = nullptr;
  if (check_keys(draft, value, "a phase", {"name", "id", "host", "on_failure", "steps"},
                 {"if", "parallel", "timeout", "each", "require", "serial", "temporarily"})) {
    phase.id = read_id(draft, value);
    if (const Value::Entry* name = value.find("name"))
      phase.name = read_title(draft, name->value).value_or(phase.name);
    else
      draft.error(value.at, "this phase has no name", "name: what it is for");
    around.hosts = read_hosts_of(draft, value);
    if (const Value::Entry* on_failure = value.find("on_failure"))
      around.on_failure = read_on_failure(draft, on_failure->value).value_or(around.on_failure);
    steps = value.find("steps");
    if (!steps) draft.error(value.at, "this phase has no steps", "steps: a list");
  }
  draft.plan.phases.push_back(phase);
  if (!steps) return before;
  return read_steps(draft, steps->value, around, Order::one_after_another, before);
}

}  // namespace

std::vector<int> read_steps(Draft& draft, const Value& list, const Around& around, Order order,
                            std::vector<int> before) {
  if (!list.is_list()) {
    draft.expected(list, "a list of steps");
    return before;
  }
  std::vector<int> ends;  // side by side: of all that hold a step
  int count = 0;
  for (const Value& item : list.items) {
    std::size_t steps_so_far = draft.plan.steps.size();
    std::string number = fmt::format("{}.{}", around.number, ++count);
    std::vector<int> end = read_item(draft, item, around, number, before);
    if (order == Order::one_after_another)
      before = std::move(end);
    else if (draft.plan.steps.size() > steps_so_far)
      ends.insert(ends.end(), end.begin(), end.end());
  }
  return order == Order::side_by_side && !ends.empty() ? ends : before;
}

void read_phases(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("phases");
  if (!section) return draft.error(plan.at, "this plan has no phases", "phases: a list");
  if (!section->value.is_list()) return draft.expected(section->value, "a list of phases");
  if (section->value.items.empty()) return draft.error_at_key(*section, "this plan has no phases", "phases: a list");
  std::vector<int> before;
  int index = 0;
  for (const Value& value : section->value.items) before = read_phase(draft, value, index++, before);
}

std::string read_id(Draft& draft, const Value& map) {
  const Value::Entry* entry = map.find("id");
  if (!entry) return {};
  auto id = read_text(draft, entry->value, "an id");
  if (!id) return {};
  bool like_a_number = !id->empty() && id->front() >= '0' && id->front() <= '9';
  if (!is_name(*id) || like_a_number) {
    draft.error_at(entry->value, fmt::format("{} cannot be an id", in_quotes(*id)),
                   "ids begin with a letter and have letters, digits, \"_\" and \"-\"");
    return {};
  }
  auto [first, is_new] = draft.ids.emplace(*id, entry->value.at);
  if (!is_new)
    draft.error_at(entry->value, fmt::format("the id {} is taken", in_quotes(*id)),
                   fmt::format("it stands in line {} already", first->second.line));
  return *id;
}

}  // namespace migrate
