#include "plans/load.h"

#include "plans/digest.h"
#include "plans/draft.h"
#include "plans/head.h"
#include "plans/phases.h"
#include "plans/yaml.h"

#include <fmt/format.h>

namespace migrate {
namespace {

const std::vector<std::string_view> sections{"migrate", "name",   "description", "vars",     "secrets",
                                             "hosts",   "groups", "dns",         "defaults", "phases"};
const std::vector<std::string_view> later_sections{"notifiers", "probes", "limits", "use", "inventory"};

/// Each part with its length before it, so that no two different plans can spell the same bytes.
void add_part(std::string& all, std::string_view part) { all += fmt::format("{}:{}\n", part.size(), part); }

void add_parts(std::string& all, std::string_view what, const std::map<std::string, std::string>& parts) {
  add_part(all, what);
  add_part(all, std::to_string(parts.size()));
  for (const auto& [name, content] : parts) {
    add_part(all, name);
    add_part(all, sha256_hex(content));
  }
}

std::string digest_of(const Draft& draft) {
  std::string all;
  add_part(all, draft.input.text);
  add_parts(all, "vars", draft.plan.vars);
  add_parts(all, "environment", draft.environment_read);
  add_parts(all, "files", draft.files_read);
  return sha256_hex(all);
}

void read_plan(Draft& draft, const Value& root) {
  if (root.is_null()) return draft.error({}, "the plan is empty", "begin it with \"migrate: 1\"");
  if (!check_keys(draft, root, "a plan", sections, later_sections)) return;
  read_head(draft, root);
  read_vars(draft, root);
  read_secrets(draft, root);
  read_hosts(draft, root);
  read_groups(draft, root);
  read_dns(draft, root);
  read_defaults(draft, root);
  read_phases(draft, root);
  draft.plan.file = draft.input.file;
  draft.plan.text = draft.input.text;
  draft.plan.digest = digest_of(draft);
}

}  // namespace

Loaded load_plan(const LoadInput& input, const ActionTable& actions) {
  Loaded loaded{std::nullopt, Diagnostics(input.file, input.text)};
  Value root = load_yaml(input.text, loaded.diagnostics);
  if (root.is_null() && loaded.diagnostics.has_errors()) return loaded;
  Draft draft(input, actions, loaded.diagnostics);
  draft.scope.environment = [&](const std::string& name) {
    auto value = input.environment ? input.environment(name) : std::nullopt;
    if (value) draft.environment_read[name] = *value;
    return value;
  };
  try {
    read_plan(draft, root);
  } catch (const LoadStopped&) {  // its reason is among the diagnostics
  }
  if (!loaded.diagnostics.has_errors()) loaded.plan = std::move(draft.plan);
  return loaded;
}

}  // namespace migrate
