#include "steps/service.h"

#include "steps/params.h"
#include "steps/service_unit.h"

#include <fmt/format.h>

namespace migrate {

namespace {

class ServiceAction : public Action {
 public:
  ServiceAction(std::string verb, std::vector<std::string> units) : verb_(std::move(verb)), units_(std::move(units)) {}

  State probe(System& system) const override {
    State state;
    for (const std::string& unit : units_) state[service_key(unit)] = service_state(system, unit);
    return state;
  }

  Change plan(const State& state) const override {
    Change change;
    for (const std::string& unit : units_) {
      const boost::json::value& now = state.at(service_key(unit));
      change.after[service_key(unit)] = after(now);
      if (!acts_on(now)) continue;
      change.mark = '~';
      change.details.push_back(fmt::format("{}: {}", unit, described(now)));
    }
    if (change.nothing_to_do()) return Change{};
    change.undo =
        always_acts() ? "nothing, or start or stop it as it was" : (verb_ == "start" ? "stop again" : "start again");
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    for (const std::string& unit : units_) {
      // By `before` alone a restart would be repeated for ever; what start and stop want is seen by looking.
      const boost::json::value now = always_acts() ? before.at(service_key(unit)) : service_state(system, unit);
      if (acts_on(now)) control_service(system, verb_, unit);
    }
    return {};
  }

  void verify(System& system, const State& before, const boost::json::object&) const override {
    for (const std::string& unit : units_) {
      auto found = before.find(service_key(unit));
      bool shall_be_up = found == before.end() ? verb_ != "stop" : is_active(after(found->second));
      if (is_active(service_state(system, unit)) == shall_be_up) continue;
      throw Failure(fmt::format("{} should be {} after service.{}, but it is {}.", unit, shall_be_up ? "up" : "down",
                                verb_, shall_be_up ? "down" : "up"));
    }
  }

  void undo(System& system, const State& before) const override {
    for (auto unit = units_.rbegin(); unit != units_.rend(); ++unit)
      restore_service(system, *unit, before.at(service_key(*unit)));
  }

 private:
  bool always_acts() const { return verb_ == "restart" || verb_ == "reload"; }

  bool acts_on(const boost::json::value& now) const {
    if (verb_ == "restart") return true;
    return is_active(now) == (verb_ != "start");  // stop and reload need one that is up, start one that is down
  }

  boost::json::value after(const boost::json::value& now) const {
    boost::json::object state = now.is_object() ? now.get_object() : boost::json::object();
    if (verb_ == "stop") state["active"] = "inactive";
    if (verb_ == "start" || verb_ == "restart") state["active"] = "active";
    return state;
  }

  std::string described(const boost::json::value& now) const {
    if (!always_acts() || !is_active(now)) return verb_ == "stop" ? "active -> inactive" : "inactive -> active";
    return verb_ + "ed";
  }

  std::string verb_;
  std::vector<std::string> units_;
};

ActionSchema schema_of(std::string_view name, std::string_view summary, std::string_view undo,
                       std::string_view example) {
  ActionSchema schema;
  schema.name = name;
  schema.summary = summary;
  schema.fields = {{"units", FieldType::texts, true, "systemd units; \".service\" may be left out"}};
  schema.shorthand = "units";
  schema.undo = undo;
  schema.example = example;
  return schema;
}

}  // namespace

std::vector<ActionSchema> service_schemas() {
  return {
      schema_of("service.start", "Starts services and waits until they are really up.", "stops those that were down",
                "service.start: [pgbouncer, apache2]"),
      schema_of("service.stop", "Stops services and waits until they are really down.",
                "starts those that were up, in reverse order", "service.stop: pgbouncer"),
      schema_of("service.restart", "Restarts services; one that is down is started.", "stops those that were down",
                "service.restart: apache2"),
      schema_of("service.reload", "Has services read their configuration again; one that is down is left alone.",
                "nothing, unless a service went down: that is started", "service.reload: apache2"),
  };
}

std::unique_ptr<Action> make_service(std::string_view action, const boost::json::object& params, const std::string&) {
  std::string verb(action.substr(action.find('.') + 1));
  return std::make_unique<ServiceAction>(verb, texts_param(params, "units"));
}

}  // namespace migrate
