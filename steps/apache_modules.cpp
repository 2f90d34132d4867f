// State:
//   apache-modules          {entry of mods-enabled: its link's target}
//   apache-module:NAME      {"enabled", "files": its entries when enabled, "marker": Debian's note who last switched
//   it}
//                           of the modules asked for and of all that they depend on
//   service:apache2
// Undo puts links and markers back itself: a2dismod would leave a marker "disabled by the admin" that wasn't there
// before, and packages heed those.
#include "steps/apache_modules.h"

#include "steps/apache.h"
#include "steps/params.h"
#include "steps/printable.h"
#include "steps/service_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace migrate {

namespace {

const std::string enabled_folder = "/etc/apache2/mods-enabled";
const std::string available_folder = "/etc/apache2/mods-available";
const std::string marker_folder = "/var/lib/apache2/module";
const std::string links_key = "apache-modules";
const std::vector<std::string> marker_kinds = {"enabled_by_admin", "disabled_by_admin", "enabled_by_maint",
                                               "disabled_by_maint"};

std::string module_key(const std::string& name) { return "apache-module:" + name; }

boost::json::object links_now(System& system) {
  boost::json::object links;
  for (const std::string& name : system.list(enabled_folder)) {
    std::optional<FileStatus> status = system.status(enabled_folder + "/" + name);
    links[name] = status && status->kind == FileStatus::Kind::symlink ? status->target : "a file";
  }
  return links;
}

std::string marker_of(System& system, const std::string& name) {
  for (const std::string& kind : marker_kinds) {
    if (system.status(marker_folder + "/" + kind + "/" + name)) return kind;
  }
  return "";
}

/// The modules that mods-available/NAME.load names behind "# Depends:".
std::vector<std::string> dependencies(std::string_view load_file) {
  std::vector<std::string> names;
  std::istringstream lines{std::string(load_file)};
  const std::string depends = "# Depends:";
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(depends, 0) != 0) continue;
    std::istringstream words(line.substr(depends.size()));
    for (std::string name; words >> name;) names.push_back(name);
  }
  return names;
}

class ApacheModules : public Action {
 public:
  explicit ApacheModules(std::vector<std::string> modules) : modules_(std::move(modules)) {}
  State probe(System& system) const override;
  Change plan(const State& state) const override;
  boost::json::object apply(System& system, const State& before) const override;
  void verify(System& system, const State& before, const boost::json::object& outputs) const override;
  void undo(System& system, const State& before) const override;

 private:
  void probe_module(System& system, const std::string& name, State& state) const;
  std::vector<std::string> disabled(System& system) const;

  std::vector<std::string> modules_;
};

void ApacheModules::probe_module(System& system, const std::string& name, State& state) const {
  if (state.count(module_key(name)) != 0) return;
  std::string load = available_folder + "/" + name + ".load";
  if (!system.status(load)) throw Failure("Apache has no module " + name + " on this host: " + load + " is missing.");
  boost::json::array files;
  if (system.status(available_folder + "/" + name + ".conf")) files.push_back(boost::json::string(name + ".conf"));
  files.push_back(boost::json::string(name + ".load"));
  state[module_key(name)] =
      boost::json::object{{"enabled", system.status(enabled_folder + "/" + name + ".load").has_value()},
                          {"files", files},
                          {"marker", marker_of(system, name)}};
  for (const std::string& other : dependencies(system.read(load))) probe_module(system, other, state);
}

State ApacheModules::probe(System& system) const {
  for (const char* program : {"a2enmod", "apache2ctl"}) {
    if (!system.has_program(program)) throw Failure(std::string(program) + " is not installed on this host.");
  }
  State state;
  state[links_key] = links_now(system);
  state[service_key(apache_unit)] = service_state(system, apache_unit);
  for (const std::string& name : modules_) probe_module(system, name, state);
  return state;
}

Change ApacheModules::plan(const State& state) const {
  Change change;
  boost::json::object links = state.at(links_key).as_object();
  for (const auto& [key, value] : state) {
    if (key.rfind(module_key(""), 0) != 0 || value.at("enabled").as_bool()) continue;
    std::string name = key.substr(module_key("").size());
    bool asked_for = std::find(modules_.begin(), modules_.end(), name) != modules_.end();
    change.details.push_back(fmt::format("+ {}{}", name, asked_for ? "" : " (another depends on it)"));
    for (const auto& file : value.at("files").as_array()) {
      links[file.as_string()] = "../mods-available/" + std::string(file.as_string());
    }
    boost::json::object enabled = value.as_object();
    enabled["enabled"] = true;
    enabled["marker"] = marker_kinds.front();
    change.after[key] = enabled;
  }
  if (change.details.empty()) return {};
  change.mark = '~';
  change.summary = fmt::format("{} module(s)", change.details.size());
  change.after[links_key] = links;
  change.after[service_key(apache_unit)] = state.at(service_key(apache_unit));
  change.undo = "disable them again";
  return change;
}

std::vector<std::string> ApacheModules::disabled(System& system) const {
  std::vector<std::string> names;
  for (const std::string& name : modules_) {
    if (!system.status(enabled_folder + "/" + name + ".load")) names.push_back(name);
  }
  return names;
}

boost::json::object ApacheModules::apply(System& system, const State& before) const {
  auto change = [&] {
    std::vector<std::string> missing = disabled(system);
    if (!missing.empty()) {
      Command command;
      command.argv = {"a2enmod", "-q"};
      command.argv.insert(command.argv.end(), missing.begin(), missing.end());
      Exit exit = system.run(command);
      if (!exit.ok()) {
        throw Failure("a2enmod failed:\n" + last_lines(exit.out + exit.err, 5, "  "),
                      fmt::format("{}", fmt::join(command.argv, " ")), exit.code);
      }
    }
    apache_configtest(system, "Apache's configuration with these modules");
    if (is_active(before.at(service_key(apache_unit)))) reload_apache(system);
  };
  change_or_take_back(change, [&] { undo(system, before); });
  return {};
}

void ApacheModules::verify(System& system, const State&, const boost::json::object&) const {
  std::vector<std::string> missing = disabled(system);
  if (!missing.empty()) throw Failure(fmt::format("Still not enabled in Apache: {}.", fmt::join(missing, ", ")));
  apache_configtest(system, "Apache's configuration");
}

void restore_links(System& system, const boost::json::object& wanted) {
  boost::json::object now = links_now(system);
  for (const auto& link : now) {
    bool other = !wanted.contains(link.key()) || wanted.at(link.key()) != link.value();
    if (other && link.value() != "a file") system.remove(enabled_folder + "/" + std::string(link.key()));
  }
  for (const auto& link : wanted) {
    std::string path = enabled_folder + "/" + std::string(link.key());
    if (link.value() != "a file" && !system.status(path))
      system.make_symlink(std::string(link.value().as_string()), path);
  }
}

void restore_marker(System& system, const std::string& name, const std::string& wanted) {
  // The wanted one first: a crash between the two leaves both, and the next undo removes the other.
  std::string wanted_path = marker_folder + "/" + wanted + "/" + name;
  if (!wanted.empty() && !system.status(wanted_path)) {
    FileStatus as;
    as.mode = 0644;
    system.write(wanted_path, "", as);
  }
  for (const std::string& kind : marker_kinds) {
    std::string path = marker_folder + "/" + kind + "/" + name;
    if (kind != wanted && system.status(path)) system.remove(path);
  }
}

void ApacheModules::undo(System& system, const State& before) const {
  restore_links(system, before.at(links_key).as_object());
  for (const auto& [key, value] : before) {
    if (key.rfind(module_key(""), 0) != 0) continue;
    restore_marker(system, key.substr(module_key("").size()), std::string(value.at("marker").as_string()));
  }
  // Also when the links are as before already: an earlier try may have ended between the links and the reload.
  bool was_up = is_active(before.at(service_key(apache_unit)));
  if (was_up && is_active(service_state(system, apache_unit))) reload_apache(system);
  restore_service(system, apache_unit, before.at(service_key(apache_unit)));
}

}  // namespace

std::vector<ActionSchema> apache_modules_schemas() {
  ActionSchema schema;
  schema.name = "apache.modules";
  schema.summary = "Enables modules of Apache and what they depend on, tests the configuration, and reloads.";
  schema.fields = {{"modules", FieldType::texts, true, "names, as a2enmod takes them"}};
  schema.shorthand = "modules";
  schema.undo = "disables those that were off, dependencies included";
  schema.example = "apache.modules: [rewrite, proxy, proxy_connect, proxy_http]";
  return {schema};
}

std::unique_ptr<Action> make_apache_modules(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<ApacheModules>(texts_param(params, "modules"));
}

}  // namespace migrate
