// A small table of actions for the loader's tests: one of each placement and effect, and all field types.
#pragma once

#include "plans/load.h"
#include "plans/schema.h"

namespace migrate {

inline ActionSchema small_action(std::string_view name, Placement placement, Effect effect, std::vector<Field> fields,
                                 std::string_view shorthand = "") {
  ActionSchema schema;
  schema.name = name;
  schema.placement = placement;
  schema.effect = effect;
  schema.fields = std::move(fields);
  schema.shorthand = shorthand;
  return schema;
}

inline ActionTable make_small_table() {
  using T = FieldType;
  ActionTable table;
  auto add = [&](ActionSchema schema) { table.actions.push_back(std::move(schema)); };
  add(small_action("run", Placement::on_host, Effect::opaque,
                   {{"command", T::command, true, "what to run"}, {"user", T::text, false, ""}}, "command"));
  add(small_action("service.stop", Placement::on_host, Effect::changes, {{"names", T::texts, true, "units"}}, "names"));
  ActionSchema write = small_action("file.write", Placement::on_host, Effect::changes,
                                    {{"path", T::text, true, "where"},
                                     {"content", T::text, false, ""},
                                     {"from", T::file, false, ""},
                                     {"mode", T::mode, false, ""}});
  write.exactly_one_of = {{"content", "from"}};
  add(write);
  add(small_action(
      "rsync", Placement::from_to, Effect::changes,
      {{"from", T::host_path, true, ""}, {"to", T::host_path, true, ""}, {"delete", T::boolean, false, ""}}));
  add(small_action("pg.copy", Placement::from_to, Effect::changes,
                   {{"from", T::database, true, ""}, {"to", T::database, true, ""}, {"jobs", T::integer, false, ""}}));
  add(small_action("dns.set", Placement::controller, Effect::changes,
                   {{"names", T::names, true, ""}, {"A", T::texts, false, ""}, {"ttl", T::duration, false, ""}}));
  add(small_action("http.check", Placement::controller, Effect::reads,
                   {{"url", T::text, true, ""}, {"via", T::text, false, ""}, {"status", T::integer, false, ""}}));
  add(small_action("port.check", Placement::on_host, Effect::reads, {{"port", T::integer, true, ""}}, "port"));
  add(small_action("wait", Placement::nowhere, Effect::waits, {{"for", T::duration, true, ""}}, "for"));
  add(small_action("checklist", Placement::nowhere, Effect::waits, {{"items", T::texts, true, ""}}, "items"));
  add(small_action("approve", Placement::nowhere, Effect::waits, {{"message", T::text, false, ""}}));
  add(small_action("all.types", Placement::on_host, Effect::changes,
                   {{"text", T::text, false, ""},
                    {"texts", T::texts, false, ""},
                    {"integer", T::integer, false, ""},
                    {"boolean", T::boolean, false, ""},
                    {"duration", T::duration, false, ""},
                    {"size", T::size, false, ""},
                    {"mode", T::mode, false, ""},
                    {"choice", T::choice, false, "", {"fast", "slow"}},
                    {"file", T::file, false, ""},
                    {"path", T::host_path, false, ""},
                    {"database", T::database, false, ""},
                    {"on", T::host, false, ""},
                    {"address", T::address, false, ""},
                    {"names", T::names, false, ""},
                    {"command", T::command, false, ""}}));
  table.not_yet = {"notify", "pg.compare"};
  return table;
}

inline const ActionTable& small_table() {
  static const ActionTable table = make_small_table();
  return table;
}

/// Loads a text as plan.yaml: HOME is /home/me, CITY is Bern, and files/a.txt beside the plan holds "hello".
inline Loaded load_small(const std::string& text, const std::map<std::string, std::string>& vars = {}) {
  LoadInput input;
  input.file = "plan.yaml";
  input.text = text;
  input.vars = vars;
  input.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    if (name == "CITY") return "Bern";
    return std::nullopt;
  };
  input.read_file = [](const std::string& path) -> std::optional<std::string> {
    if (path == "files/a.txt") return "hello";
    return std::nullopt;
  };
  return load_plan(input, small_table());
}

/// A plan with hosts old, new, m1, m2, the group mirrors, and these steps in one phase (each line indented by six).
inline std::string plan_with(const std::string& steps, const std::string& above = "") {
  return "migrate: 1\n" + above +
         "hosts: { old: 192.0.2.1, new: { address: new.test, become: root }, m1: , m2: }\n"
         "groups: { mirrors: [m1, m2] }\n"
         "phases:\n"
         "  - name: Only phase\n"
         "    steps:\n" +
         steps;
}

}  // namespace migrate
