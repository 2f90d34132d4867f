#include "steps/service_unit.h"

#include "steps/printable.h"

#include <fmt/format.h>

#include <map>
#include <sstream>

namespace migrate {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_settling{20000};
constexpr milliseconds look_again_after{200};  // a program that dies at once has done so by then

std::string without_suffix(const std::string& unit) {
  return unit.ends_with(".service") ? unit.substr(0, unit.size() - 8) : unit;
}

std::map<std::string, std::string> show(System& system, const std::string& unit) {
  Command command;
  command.argv = {"systemctl", "show", "-p", "LoadState,ActiveState,SubState,UnitFileState", "--", unit};
  command.reads_only = true;
  Exit exit = system.run(command);
  if (!exit.ok()) {
    throw Failure(fmt::format("Cannot ask systemd about {}: {}", unit, last_lines(exit.err, 3, "")),
                  "systemctl show " + unit, exit.code);
  }
  std::map<std::string, std::string> properties;
  std::istringstream lines(exit.out);
  for (std::string line; std::getline(lines, line);) {
    auto equals = line.find('=');
    if (equals != std::string::npos) properties[line.substr(0, equals)] = line.substr(equals + 1);
  }
  if (properties["LoadState"] == "not-found") throw Failure("There is no service " + unit + " on this host.");
  return properties;
}

bool on_its_way(const std::string& active) { return active == "activating" || active == "deactivating"; }

std::map<std::string, std::string> settled(System& system, const std::string& unit) {
  milliseconds waited{0};
  while (true) {
    auto properties = show(system, unit);
    if (!on_its_way(properties["ActiveState"])) return properties;
    if (waited >= longest_settling) {
      throw Failure(fmt::format("{} is still {} ({}) after {} s; it should be up or down.", unit,
                                properties["ActiveState"], properties["SubState"], longest_settling.count() / 1000));
    }
    system.sleep(look_again_after);
    waited += look_again_after;
  }
}

std::string journal_of(System& system, const std::string& unit) {
  if (!system.has_program("journalctl")) return "";
  Command command;
  command.argv = {"journalctl", "-u", unit, "-n", "10", "--no-pager", "-o", "cat"};
  command.reads_only = true;
  std::string lines = last_lines(system.run(command).out, 10, "  ");
  return lines.empty() ? "" : fmt::format("\nThe last lines of {} in the system's journal:\n{}", unit, lines);
}

[[noreturn]] void fail(System& system, const std::string& what, std::string_view verb, const std::string& unit,
                       const Exit& exit) {
  std::string words = last_lines(exit.err, 5, "  ");
  throw Failure(what + (words.empty() ? "" : "\n" + words) + journal_of(system, unit),
                fmt::format("systemctl {} {}", verb, unit), exit.code);
}

}  // namespace

std::string service_key(const std::string& unit) { return "service:" + without_suffix(unit); }

boost::json::value service_state(System& system, const std::string& unit) {
  auto properties = settled(system, unit);
  const std::string& active = properties["ActiveState"];
  bool up = active == "active" || active == "reloading";
  return boost::json::object{{"active", up ? "active" : "inactive"}, {"enabled", properties["UnitFileState"]}};
}

bool is_active(const boost::json::value& state) {
  return state.is_object() && state.get_object().contains("active") && state.at("active") == "active";
}

void control_service(System& system, std::string_view verb, const std::string& unit) {
  Command command;
  command.argv = {"systemctl", std::string(verb), "--", unit};
  Exit exit = system.run(command);
  if (!exit.ok()) fail(system, fmt::format("systemctl could not {} {}.", verb, unit), verb, unit, exit);
  bool shall_be_up = verb != "stop";
  bool up = is_active(service_state(system, unit));
  if (up && verb != "reload") {
    system.sleep(look_again_after);
    up = is_active(service_state(system, unit));
  }
  if (up == shall_be_up) return;
  fail(system,
       fmt::format("systemctl {} {} reported success, but {} is {}.", verb, unit, unit, up ? "still up" : "not up"),
       verb, unit, exit);
}

void restore_service(System& system, const std::string& unit, const boost::json::value& state) {
  bool shall_be_up = is_active(state);
  if (is_active(service_state(system, unit)) != shall_be_up)
    control_service(system, shall_be_up ? "start" : "stop", unit);
}

}  // namespace migrate
