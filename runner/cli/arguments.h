// The command line: what was asked for, as values. CLI11 stays in arguments.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace migrate {

struct Arguments {
  std::string command;  // "run", "check", ...
  std::string plan;
  std::string run;  // a run's id, or "" for the newest
  std::string step;
  std::string to;
  bool dry_run = false;
  bool step_by_step = false;
  bool yes = false;
  bool json = false;
  std::map<std::string, std::string> vars;
  // agent, server
  std::string name;
  std::string state;
  std::vector<std::string> listen;
};

struct Parsed {
  std::optional<Arguments> arguments;
  int exit = 0;  // when there are none: 0 after --help, 64 for wrong usage (already explained)
};

Parsed parse_arguments(int argc, const char* const* argv);

}  // namespace migrate
