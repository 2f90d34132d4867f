// With E the folder that was enabled and T the one to be, the three states that there can be:
//
//              sites-enabled   sites-enabled.TO   sites-enabled.KEEP_AS
//   A before         E                T                    -
//   B exchanged      T                E                    -
//   C done           T                -                    E
//
// Every step between them is one atomic rename. Which it is, is seen from the names and, for A and B, the digests.
#include "steps/apache_switch.h"

#include "plans/digest.h"
#include "steps/apache.h"
#include "steps/file_state.h"
#include "steps/params.h"
#include "steps/service_unit.h"

#include <fmt/format.h>

namespace migrate {

namespace {

/// A digest over names, modes, owners, links and contents of all that is in a folder.
std::string folder_digest(System& system, const std::string& folder) {
  std::string all;
  for (const std::string& name : system.list(folder)) {
    std::string path = folder + "/" + name;
    std::optional<FileStatus> status = system.status(path);
    if (!status) continue;
    all += fmt::format("{}\n{} {:o} {} {} {}\n", name, static_cast<int>(status->kind), status->mode, status->uid,
                       status->gid, status->target);
    if (status->kind == FileStatus::Kind::file) all += sha256_hex(system.read(path));
    if (status->kind == FileStatus::Kind::directory) all += folder_digest(system, path);
  }
  return sha256_hex(all);
}

bool is_folder(System& system, const std::string& path) {
  std::optional<FileStatus> status = system.status(path);
  return status && status->kind == FileStatus::Kind::directory;
}

class ApacheSwitch : public Action {
 public:
  explicit ApacheSwitch(const boost::json::object& params)
      : to_(text_param(params, "to")),
        keep_as_(text_param(params, "keep_as")),
        root_(text_param(params, "root", "/etc/apache2")),
        reload_(flag_param(params, "reload", false)) {}
  State probe(System& system) const override;
  Change plan(const State& state) const override;
  boost::json::object apply(System& system, const State& before) const override;
  void verify(System& system, const State& before, const boost::json::object& outputs) const override;
  void undo(System& system, const State& before) const override;

 private:
  enum class Stage { before, exchanged, done };

  std::string key() const { return "apache-sites:" + root_; }
  std::string enabled() const { return root_ + "/sites-enabled"; }
  std::string aside(const std::string& name) const { return enabled() + "." + name; }
  bool kept_under_same_name() const { return to_ == keep_as_; }
  boost::json::object sites(System& system) const;
  Stage stage(System& system, const State& before) const;
  bool will_come(const State& state) const;
  void require_possible(const State& before) const;
  void swap_back(System& system, const State& before) const;
  void bring_apache_back(System& system, const State& before) const;

  std::string to_, keep_as_, root_;
  bool reload_;
};

boost::json::object ApacheSwitch::sites(System& system) const {
  if (!is_folder(system, enabled())) throw Failure("Apache's " + enabled() + " is no folder on this host.");
  boost::json::object others;
  const std::string prefix = "sites-enabled.";
  for (const std::string& name : system.list(root_)) {
    if (name.rfind(prefix, 0) == 0 && is_folder(system, root_ + "/" + name)) {
      others[name.substr(prefix.size())] = folder_digest(system, root_ + "/" + name);
    }
  }
  return {{"enabled", folder_digest(system, enabled())}, {"aside", others}};
}

State ApacheSwitch::probe(System& system) const {
  if (!system.has_program("apache2ctl")) throw Failure("apache2ctl is not installed on this host.");
  State state;
  state[service_key(apache_unit)] = service_state(system, apache_unit);
  state[key()] = sites(system);
  // The folders by themselves, too: a file.write earlier in the plan predicts the one that it makes under this name.
  for (const std::string& name : {to_, keep_as_}) {
    bool there = is_folder(system, aside(name));
    state[file_key(aside(name))] = there ? file_state(system, aside(name)) : boost::json::value();
  }
  return state;
}

/// Whether an earlier step of the plan was predicted to make the folder that is to be enabled.
bool ApacheSwitch::will_come(const State& state) const { return is_kind(state.at(file_key(aside(to_))), "directory"); }

Change ApacheSwitch::plan(const State& state) const {
  const boost::json::object& now = state.at(key()).as_object();
  const boost::json::object& others = now.at("aside").as_object();
  Change change;
  change.undo = fmt::format("swap {} back in", keep_as_);
  if (!others.contains(to_) && !will_come(state)) {
    change.mark = '?';
    change.summary = aside(to_) + " isn't there yet";
    if (others.contains(keep_as_))
      change.details.push_back(aside(keep_as_) + " is there: was the switch done already?");
    return change;
  }
  const boost::json::value* old_digest = now.if_contains("enabled");
  const boost::json::value* new_digest = others.if_contains(to_);
  if (old_digest && new_digest && *old_digest == *new_digest) return {};
  if (others.contains(keep_as_) && !kept_under_same_name()) {
    change.details.push_back(fmt::format("{} is in the way: it exists already", aside(keep_as_)));
  }
  change.mark = '~';
  change.summary = fmt::format("{} becomes enabled, what is enabled is kept as {}", to_, keep_as_);
  boost::json::object after;
  boost::json::object aside_after = others;
  aside_after.erase(to_);
  if (old_digest) aside_after[keep_as_] = *old_digest;
  if (new_digest) after["enabled"] = *new_digest;
  after["aside"] = aside_after;
  change.after[key()] = after;
  if (!kept_under_same_name()) {
    change.after[file_key(aside(to_))] = nullptr;
    change.after[file_key(aside(keep_as_))] = boost::json::object{{"kind", "directory"}};
  }
  change.after[service_key(apache_unit)] = state.at(service_key(apache_unit));
  return change;
}

void ApacheSwitch::require_possible(const State& before) const {
  const boost::json::object& others = before.at(key()).at("aside").as_object();
  if (!others.contains(to_)) {
    std::string hint =
        others.contains(keep_as_) ? " " + aside(keep_as_) + " is there: was the switch done already?" : "";
    throw Failure("Cannot switch Apache to " + to_ + ": there is no " + aside(to_) + "." + hint);
  }
  if (others.contains(keep_as_) && !kept_under_same_name()) {
    throw Failure("Cannot keep Apache's present sites as " + keep_as_ + ": " + aside(keep_as_) + " exists already.");
  }
}

ApacheSwitch::Stage ApacheSwitch::stage(System& system, const State& before) const {
  bool to_there = is_folder(system, aside(to_)), kept = is_folder(system, aside(keep_as_));
  if (!to_there && kept) return Stage::done;
  const boost::json::object& old = before.at(key()).as_object();
  const boost::json::value& old_enabled = old.at("enabled");
  const boost::json::value& old_to = old.at("aside").at(to_);
  if (to_there) {
    const boost::json::value enabled_now(folder_digest(system, enabled()));
    const boost::json::value to_now(folder_digest(system, aside(to_)));
    if (old_enabled == enabled_now || old_to == to_now) return Stage::before;
    // Under the same name nothing is left to be renamed once they are exchanged.
    if (old_enabled == to_now || old_to == enabled_now) return kept_under_same_name() ? Stage::done : Stage::exchanged;
  }
  throw Failure(
      fmt::format("{} and {} are neither as before the switch nor as after it: somebody else has changed them. "
                  "They were left as they are.",
                  enabled(), aside(to_)));
}

boost::json::object ApacheSwitch::apply(System& system, const State& before) const {
  require_possible(before);
  const boost::json::object& old = before.at(key()).as_object();
  if (old.at("enabled") == old.at("aside").at(to_)) return {};
  Stage now = stage(system, before);
  if (now == Stage::before) {
    apache_configtest(system, "Apache's configuration, before anything was done to it,");
    system.exchange(enabled(), aside(to_));
    now = kept_under_same_name() ? Stage::done : Stage::exchanged;
  }
  auto change = [&] {
    apache_configtest(system, "Apache's configuration with " + to_ + " enabled");
    if (now == Stage::exchanged) system.rename(aside(to_), aside(keep_as_));
    if (!is_active(before.at(service_key(apache_unit)))) return;
    if (reload_) {
      reload_apache(system);
    } else {
      control_service(system, "restart", apache_unit);
    }
  };
  change_or_take_back(change, [&] { undo(system, before); });
  return {};
}

void ApacheSwitch::verify(System& system, const State& before, const boost::json::object&) const {
  if (before.at(key()).at("enabled") != before.at(key()).at("aside").at(to_) && stage(system, before) != Stage::done) {
    throw Failure("Apache's " + enabled() + " is not the " + to_ + " one.");
  }
  apache_configtest(system, "Apache's configuration");
  bool was_up = is_active(before.at(service_key(apache_unit)));
  if (was_up && !is_active(service_state(system, apache_unit))) throw Failure("Apache is not running.");
}

void ApacheSwitch::swap_back(System& system, const State& before) const {
  Stage now = stage(system, before);
  if (now == Stage::done && !kept_under_same_name()) system.rename(aside(keep_as_), aside(to_));
  if (now != Stage::before) system.exchange(enabled(), aside(to_));
}

void ApacheSwitch::bring_apache_back(System& system, const State& before) const {
  const boost::json::value& was = before.at(service_key(apache_unit));
  // Also when the folders are as before already: an earlier try may have ended between the folders and this.
  if (is_active(was) && is_active(service_state(system, apache_unit))) reload_apache(system);
  restore_service(system, apache_unit, was);
}

void ApacheSwitch::undo(System& system, const State& before) const {
  const boost::json::object& old = before.at(key()).as_object();
  const boost::json::object& others = old.at("aside").as_object();
  bool possible = others.contains(to_) && (kept_under_same_name() || !others.contains(keep_as_));
  if (!possible || old.at("enabled") == others.at(to_)) return;  // then apply() did nothing
  swap_back(system, before);
  bring_apache_back(system, before);
}

}  // namespace

std::vector<ActionSchema> apache_switch_schemas() {
  ActionSchema schema;
  schema.name = "apache.switch";
  schema.summary = "Puts sites-enabled.TO in the place of sites-enabled, tests the configuration, and restarts Apache.";
  schema.fields = {
      {"to", FieldType::text, true, "which folder becomes enabled: sites-enabled.TO"},
      {"keep_as", FieldType::text, true, "under which name the present one is kept: sites-enabled.KEEP_AS"},
      {"root", FieldType::text, false, "/etc/apache2 unless said otherwise"},
      {"reload", FieldType::boolean, false, "true: a graceful reload instead of a restart"},
  };
  schema.undo = "swaps the old folder back in and reloads Apache";
  schema.example = "apache.switch: { to: static, keep_as: django }";
  return {schema};
}

std::unique_ptr<Action> make_apache_switch(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<ApacheSwitch>(params);
}

}  // namespace migrate
