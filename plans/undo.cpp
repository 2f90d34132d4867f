#include "plans/undo.h"

#include "plans/fields.h"
#include "plans/find_action.h"
#include "plans/params.h"

#include <fmt/format.h>

namespace migrate {
namespace {

/// Where calls beside the step's own run unless they say so: with the step.
HostList hosts_with(const StepInMaking& step) {
  HostList list = step.hosts;
  if (list.given()) return list;
  for (const Seat& seat : step.seats)
    if (seat.role.empty()) list.names.push_back(seat.host);
  return list;
}

void fill_call(Draft& draft, const StepInMaking& step, const Value& map, const FoundAction& found, Undo& undo) {
  HostList own = map.is_map() ? read_hosts_of(draft, map) : HostList{};
  undo.kind = Undo::Kind::call;
  undo.call = read_call(draft, *found.schema, *found.entry);
  undo.seats = seats_of(draft, {*found.schema, *found.entry, undo.call, own, hosts_with(step)});
}

void read_undo_action(Draft& draft, const StepInMaking& step, const Value& map, Undo& undo) {
  FoundAction found = find_action(draft, map, {"an undo", {"host"}, {"timeout", "retry", "each", "if", "env"}, {}});
  if (!found.schema) return;
  bool acts = found.schema->effect == Effect::changes || found.schema->effect == Effect::opaque;
  if (!acts)
    return draft.error_at_key(*found.entry, fmt::format("{} takes nothing back", found.schema->name),
                              "an undo is a command or an action that changes something");
  fill_call(draft, step, map, found, undo);
}

void read_undo_text(Draft& draft, const StepInMaking& step, const Value::Entry& entry, Undo& undo) {
  if (entry.value.text == "nothing") {
    undo.kind = Undo::Kind::nothing;
    return;
  }
  bool is_word = entry.value.text.find_first_of(" \t\n/.") == std::string::npos;
  if (is_word && !closest(entry.value.text, {"nothing"}).empty())
    return draft.error_at(entry.value, fmt::format("the undo {} would be a command", in_quotes(entry.value.text)),
                          "did you mean nothing?");
  const ActionSchema* run = draft.actions.find("run");
  if (!run) return draft.error_at_key(entry, "a command as an undo needs the action run, which is not there");
  fill_call(draft, step, entry.value, {&entry, run}, undo);
}

void read_written_undo(Draft& draft, const StepInMaking& step, const Value::Entry& entry, Undo& undo) {
  switch (entry.value.kind) {
    case Value::Kind::scalar:
      return read_undo_text(draft, step, entry, undo);
    case Value::Kind::map:
      return read_undo_action(draft, step, entry.value, undo);
    case Value::Kind::list:
      return draft.error_at_key(entry, "several actions in one undo are not yet supported");
    case Value::Kind::null:
      return draft.error_at_key(entry, "expected a command, an action or the word nothing, found nothing at all");
  }
}

Undo undo_of_action(Draft& draft, const StepInMaking& step) {
  Undo undo;
  if (!step.schema) return undo;
  if (step.schema->effect == Effect::opaque)
    draft.error_at_key(*step.action,
                       fmt::format("a {} step must say how it is taken back", in_quotes(step.schema->name)),
                       "add \"undo:\" with a command or an action, or \"undo: nothing\", or \"irreversible: WHY\"");
  bool changes = step.schema->effect == Effect::changes || step.schema->effect == Effect::opaque;
  undo.kind = changes ? Undo::Kind::native : Undo::Kind::nothing;
  return undo;
}

Check read_check(Draft& draft, const StepInMaking& step, const Value& item) {
  Check check;
  if (!item.is_map()) {
    draft.expected(item, "an action that checks something (a map)");
    return check;
  }
  FoundAction found =
      find_action(draft, item, {"a check", {"host", "within"}, {"name", "timeout", "retry", "each", "if", "env"}, {}});
  const Value::Entry* within = item.find("within");
  HostList own = read_hosts_of(draft, item);
  if (found.schema) {
    bool reads = found.schema->effect == Effect::reads || found.schema->name == "run";
    if (!reads)
      draft.error_at_key(*found.entry, fmt::format("{} does not check anything", found.schema->name),
                         "under \"verify:\" stand actions that only read, or run");
    check.call = read_call(draft, *found.schema, *found.entry, {"within"});
    check.seats = seats_of(draft, {*found.schema, *found.entry, check.call, own, hosts_with(step)});
    bool is_own_field = found.schema->field("within") != nullptr;
    if (!within && !is_own_field) within = found.entry->value.find("within");
  }
  if (within) check.within = read_duration(draft, within->value).value_or(Milliseconds(0));
  return check;
}

}  // namespace

Undo read_undo(Draft& draft, const StepInMaking& step) {
  const Value::Entry* written = step.map.find("undo");
  const Value::Entry* irreversible = step.map.find("irreversible");
  if (written && irreversible)
    draft.error_at_key(*irreversible, "a step is either undone or irreversible",
                       "leave \"undo:\" or \"irreversible:\" out");
  if (!written && !irreversible) return undo_of_action(draft, step);
  Undo undo;
  if (written) read_written_undo(draft, step, *written, undo);
  if (irreversible) {
    undo.kind = Undo::Kind::irreversible;
    undo.why = read_sentence(draft, irreversible->value, "the reason why it cannot be undone").value_or("");
  }
  return undo;
}

std::vector<Check> read_verify(Draft& draft, const StepInMaking& step) {
  const Value::Entry* entry = step.map.find("verify");
  if (!entry) return {};
  std::vector<Check> checks;
  if (entry->value.is_map())
    checks.push_back(read_check(draft, step, entry->value));
  else if (!entry->value.is_list())
    draft.expected(entry->value, "a list of checks");
  for (const Value& item : entry->value.items) checks.push_back(read_check(draft, step, item));
  return checks;
}

}  // namespace migrate
