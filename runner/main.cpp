#include "runner/cli/arguments.h"
#include "runner/cli/commands.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <map>
#include <string>

int main(int argc, char** argv) {
  using namespace migrate;
  static const std::map<std::string, int (*)(const Arguments&)> commands{
      {"check", check_command},       {"run", run_command},       {"resume", resume_command},
      {"rollback", rollback_command}, {"status", status_command}, {"log", log_command},
      {"runs", runs_command},         {"agent", agent_command},   {"server", server_command},
  };
  std::signal(SIGPIPE, SIG_IGN);
  // Standard output belongs to reports (and to the agent's protocol): what is logged goes to standard error.
  spdlog::set_default_logger(spdlog::stderr_logger_st("migrate"));
  spdlog::set_level(spdlog::level::warn);
  const Parsed parsed = parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit;
  try {
    return commands.at(parsed.arguments->command)(*parsed.arguments);
  } catch (const std::exception& error) {
    std::cerr << "migrate: " << error.what() << "\n";
    return 2;
  }
}
