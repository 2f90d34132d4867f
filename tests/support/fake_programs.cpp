// The programs that a FakeSystem has: as much of each as the actions use, with the words of the real ones.
#include "tests/support/fake_system.h"

#include <fmt/format.h>

#include <sstream>

namespace migrate {

namespace {

Exit said(int code, std::string out, std::string err = "") {
  Exit exit;
  exit.code = code;
  exit.out = std::move(out);
  exit.err = std::move(err);
  return exit;
}

std::string service_name(std::string name) {
  const std::string suffix = ".service";
  if (name.size() > suffix.size() && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return name;
}

const std::string mods_enabled = "/etc/apache2/mods-enabled/";
const std::string mods_available = "/etc/apache2/mods-available/";
const std::string module_markers = "/var/lib/apache2/module/";

}  // namespace

/// The programs' bodies: they reach into the machine without counting as writes of their own.
struct FakePrograms {
  static Exit systemctl(FakeSystem& machine, const Command& command) {
    std::string verb, properties;
    std::vector<std::string> names;
    for (std::size_t i = 1; i < command.argv.size(); ++i) {
      const std::string& word = command.argv[i];
      if (word == "-p" || word == "--property") {
        ++i;
      } else if (word.rfind("-", 0) == 0) {
        continue;
      } else if (verb.empty()) {
        verb = word;
      } else {
        names.push_back(service_name(word));
      }
    }
    Exit all;
    for (const std::string& name : names) {
      Exit one = verb == "show" ? show(machine, name) : control(machine, verb, name);
      all.out += one.out;
      all.err += one.err;
      if (!one.ok()) all.code = one.code;
    }
    return all;
  }

  static Exit show(FakeSystem& machine, const std::string& name) {
    auto found = machine.services_.find(name);
    if (found == machine.services_.end()) {
      return said(0, "LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n");
    }
    const FakeSystem::Service& service = found->second;
    return said(0, fmt::format("LoadState=loaded\nActiveState={}\nSubState={}\nUnitFileState={}\n", service.active,
                               service.active == "active" ? "running" : "dead", service.enabled));
  }

  static Exit control(FakeSystem& machine, const std::string& verb, const std::string& name) {
    auto found = machine.services_.find(name);
    if (found == machine.services_.end()) {
      return said(5, "", fmt::format("Failed to {} {}.service: Unit {}.service not found.\n", verb, name, name));
    }
    FakeSystem::Service& service = found->second;
    if (verb == "stop") service.active = "inactive";
    if (verb == "is-active") return said(service.active == "active" ? 0 : 3, service.active + "\n");
    if (verb == "reset-failed" && service.active == "failed") service.active = "inactive";
    bool starts = verb == "restart" || verb == "reload-or-restart" || (verb == "start" && service.active != "active");
    if (verb == "reload") {
      if (service.active != "active") {
        return said(1, "", fmt::format("{}.service is not active, cannot reload.\n", name));
      }
      starts = true;
    }
    if (!starts) return said(0, "");
    std::string why = service.refuses ? service.refuses(machine) : "";
    ++service.starts;
    if (!why.empty()) {
      if (verb != "reload") service.active = "failed";
      service.journal.push_back(why);
      return said(1, "",
                  fmt::format("Job for {}.service failed because the control process exited with error code.\n", name));
    }
    service.active = "active";
    return said(0, "");
  }

  static Exit journalctl(FakeSystem& machine, const Command& command) {
    std::string out;
    for (std::size_t i = 1; i + 1 < command.argv.size(); ++i) {
      auto found =
          command.argv[i] == "-u" ? machine.services_.find(service_name(command.argv[i + 1])) : machine.services_.end();
      if (found == machine.services_.end()) continue;
      for (const std::string& line : found->second.journal) out += line + "\n";
    }
    return said(0, out);
  }

  static Exit getent(FakeSystem& machine, const Command& command) {
    for (const auto& [name, ids] : machine.users_) {
      unsigned id = command.argv.at(1) == "passwd" ? ids.first : ids.second;
      if (std::to_string(id) == command.argv.at(2))
        return said(0, fmt::format("{}:x:{}:{}::/:/bin/sh\n", name, id, ids.second));
    }
    return said(2, "");
  }

  static std::string apache_complaint(FakeSystem& machine) {
    for (const auto& [path, node] : machine.nodes_) {
      if (path.rfind("/etc/apache2/sites-enabled/", 0) != 0) continue;
      if (node.content.find("BROKEN") != std::string::npos) {
        return fmt::format("AH00526: Syntax error on line 1 of {}:\nInvalid command 'BROKEN'\n", path);
      }
    }
    return "";
  }

  static Exit apache2ctl(FakeSystem& machine, const Command&) {
    std::string complaint = apache_complaint(machine);
    return complaint.empty() ? said(0, "", "Syntax OK\n") : said(1, "", complaint);
  }

  static void mark_module(FakeSystem& machine, const std::string& name, const std::string& what) {
    for (const std::string by :
         {"enabled_by_admin/", "disabled_by_admin/", "enabled_by_maint/", "disabled_by_maint/"}) {
      machine.nodes_.erase(module_markers + by + name);
    }
    machine.add_file(module_markers + what + "_by_admin/" + name, "");
  }

  static Exit enable_module(FakeSystem& machine, const std::string& name) {
    auto load = machine.nodes_.find(mods_available + name + ".load");
    if (load == machine.nodes_.end()) return said(1, "", fmt::format("ERROR: Module {} does not exist!\n", name));
    if (machine.nodes_.count(mods_enabled + name + ".load") != 0) return said(0, "");
    std::istringstream lines(load->second.content);
    const std::string depends = "# Depends:";
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(depends, 0) != 0) continue;
      std::istringstream needed(line.substr(depends.size()));
      for (std::string other; needed >> other;) enable_module(machine, other);
    }
    for (const std::string end : {".conf", ".load"}) {
      if (machine.nodes_.count(mods_available + name + end) != 0) {
        machine.add_symlink(mods_enabled + name + end, "../mods-available/" + name + end);
      }
    }
    mark_module(machine, name, "enabled");
    return said(0, "");
  }

  static Exit a2enmod(FakeSystem& machine, const Command& command) {
    Exit all;
    for (std::size_t i = 1; i < command.argv.size(); ++i) {
      if (command.argv[i].rfind("-", 0) == 0) continue;
      Exit one = enable_module(machine, command.argv[i]);
      all.err += one.err;
      if (!one.ok()) all.code = one.code;
    }
    return all;
  }

  static Exit a2dismod(FakeSystem& machine, const Command& command) {
    for (std::size_t i = 1; i < command.argv.size(); ++i) {
      const std::string& name = command.argv[i];
      if (name.rfind("-", 0) == 0) continue;
      machine.nodes_.erase(mods_enabled + name + ".load");
      machine.nodes_.erase(mods_enabled + name + ".conf");
      mark_module(machine, name, "disabled");
    }
    return said(0, "");
  }
};

std::map<std::string, FakeSystem::Program> fake_programs() {
  return {{"systemctl", FakePrograms::systemctl}, {"journalctl", FakePrograms::journalctl},
          {"getent", FakePrograms::getent},       {"apache2ctl", FakePrograms::apache2ctl},
          {"a2enmod", FakePrograms::a2enmod},     {"a2dismod", FakePrograms::a2dismod}};
}

FakeSystem& FakeSystem::add_apache(const std::vector<std::string>& modules) {
  add_directory("/etc/apache2/mods-enabled").add_directory("/etc/apache2/sites-enabled");
  add_directory("/var/lib/apache2/module/enabled_by_admin").add_directory("/var/lib/apache2/module/disabled_by_admin");
  for (const std::string& module : modules) {
    auto colon = module.find(':');
    std::string name = module.substr(0, colon);
    std::string depends = colon == std::string::npos ? "" : "# Depends:" + module.substr(colon + 1) + "\n";
    add_file(mods_available + name + ".load", depends + "LoadModule " + name + "_module mod_" + name + ".so\n");
    if (depends.empty()) add_file(mods_available + name + ".conf", "# settings of " + name + "\n");
  }
  add_service("apache2", "active");
  services_["apache2"].refuses = [](FakeSystem& machine) { return FakePrograms::apache_complaint(machine); };
  return *this;
}

}  // namespace migrate
