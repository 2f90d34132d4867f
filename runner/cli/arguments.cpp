#include "runner/cli/arguments.h"

#include "plans/diagnostics.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <iostream>

namespace migrate {
namespace {

constexpr int wrong_usage = 64;
constexpr const char* exit_codes =
    "Exit codes: 0 done, 1 plan invalid, 2 a step failed or a host is unreachable, 3 rolled back clean,\n"
    "4 rollback incomplete, 5 paused (wait, approval, unknown), 6 the world differs from the plan,\n"
    "64 wrong usage, 130 interrupted.";

struct CommandLine {
  CLI::App app{
      "migrate moves a running service from old servers to new ones by a written plan, and can take back every step."};
  Arguments arguments;
  std::vector<std::string> vars;

  CLI::App* command(const std::string& name, const std::string& what, const std::string& example) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer("Example:\n  " + example + "\n\n" + exit_codes);
    sub->callback([this, name] { arguments.command = name; });
    return sub;
  }
  void plan(CLI::App* sub) { sub->add_option("PLAN", arguments.plan, "the plan's file")->required(); }
  void run(CLI::App* sub) {
    sub->add_option("RUN", arguments.run, "the run's id, or its beginning; the newest run if left out");
  }
  void json(CLI::App* sub) { sub->add_flag("--json", arguments.json, "one JSON object a line, for programs"); }
  void yes(CLI::App* sub) {
    sub->add_flag("--yes", arguments.yes, "say yes to check-lists, approvals and confirmations");
  }

  CommandLine() {
    app.footer("Example:\n  migrate check plan.yaml && migrate run plan.yaml --dry-run && migrate run plan.yaml\n\n" +
               std::string(exit_codes));
    app.set_version_flag("--version", "migrate " MIGRATE_VERSION);
    app.require_subcommand(1);

    auto* check = command("check", "find all errors of a plan at once; touches no host", "migrate check plan.yaml");
    plan(check);
    check->add_option("--var", vars, "NAME=VALUE: replaces a variable of the plan")->type_name("NAME=VALUE");

    auto* go = command("run", "carry out a plan", "migrate run plan.yaml --var new_ip4=203.0.113.20");
    plan(go);
    go->add_flag("--dry-run", arguments.dry_run, "look at every host and show what would change; changes nothing");
    go->add_option("--var", vars, "NAME=VALUE: replaces a variable of the plan")->type_name("NAME=VALUE");
    go->add_flag("--step", arguments.step_by_step, "ask before each step");
    yes(go);
    json(go);

    auto* resume =
        command("resume", "go on with a run that was stopped, at the point where it was", "migrate resume 7f3a");
    run(resume);
    resume->add_flag("--step", arguments.step_by_step, "ask before each step");
    yes(resume);
    json(resume);

    auto* back = command("rollback", "take steps back: the last one, or all back to a point",
                         "migrate rollback 7f3a --to Move\n  migrate rollback --to start --dry-run");
    run(back);
    back->add_option(
        "--to", arguments.to,
        "back to the moment before this STEP (number or id) or PHASE (number, id or name) began, or `start`;\n"
        "without it: the last step only");
    back->add_flag("--dry-run", arguments.dry_run, "show what would be undone, and stop");
    back->add_flag("--step", arguments.step_by_step, "ask before each step");
    yes(back);
    json(back);

    auto* status = command("status", "what state a run and each of its steps is in", "migrate status 7f3a");
    run(status);
    json(status);

    auto* log = command("log", "what a run did, and what its programs printed", "migrate log 7f3a 5.4");
    run(log);
    log->add_option("STEP", arguments.step, "a step's number or id; all steps if left out");
    json(log);

    json(command("runs", "all runs, newest first", "migrate runs"));

    auto* agent =
        command("agent", "the worker on a host; `migrate run` starts it by itself", "migrate agent --stdio --name old");
    bool stdio = false;
    agent->add_flag("--stdio", stdio, "the connection is standard input and output")->required();
    agent->add_option("--name", arguments.name, "the host's name in the plan")->required();
    agent->add_option("--state", arguments.state, "folder of its ledger and kept copies");

    auto* server = command("server", "the job server on its own, for any Gearman client or worker",
                           "migrate server --listen 127.0.0.1:4730");
    server->add_option("--listen", arguments.listen, "HOST:PORT or a Unix socket's path; may be repeated")
        ->required()
        ->type_name("ADDRESS");
  }
};

/// CLI11 doesn't say what an unknown command may have meant.
std::string command_hint(CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  std::vector<std::string> known;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(sub->get_name());
  std::vector<std::string_view> views(known.begin(), known.end());
  if (std::find(views.begin(), views.end(), argv[1]) != views.end()) return {};
  const std::string hint = did_you_mean(argv[1], views);
  return "migrate: there is no command \"" + std::string(argv[1]) + "\"" + (hint.empty() ? "" : "; " + hint) +
         "\n`migrate --help` lists the commands.\n";
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      line.app.exit(error);
      return {std::nullopt, 0};
    }
    const std::string hint = command_hint(line.app, argc, argv);
    if (!hint.empty()) {
      std::cerr << hint;
    } else {
      line.app.exit(error, std::cout, std::cerr);
    }
    return {std::nullopt, wrong_usage};
  }
  for (const std::string& var : line.vars) {
    const auto equals = var.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::cerr << "migrate: --var " << var << ": expected NAME=VALUE, such as --var new_ip4=203.0.113.20\n";
      return {std::nullopt, wrong_usage};
    }
    line.arguments.vars[var.substr(0, equals)] = var.substr(equals + 1);
  }
  return {line.arguments, 0};
}

}  // namespace migrate
