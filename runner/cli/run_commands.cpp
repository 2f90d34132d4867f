#include "runner/cli/commands.h"
#include "runner/cli/terminal.h"
#include "runner/engine/rollback_scope.h"
#include "runner/plan_snapshot.h"
#include "runner/report/words.h"
#include "steps/catalogue.h"

#include <fmt/format.h>

#include <iostream>

namespace migrate {
namespace {

constexpr int plan_invalid = 1;
constexpr int wrong_usage = 64;

/// Shows a plan's errors and warnings; empty when it cannot be used.
std::optional<Plan> checked(Loaded loaded) {
  const std::string text = loaded.diagnostics.render();
  if (!text.empty()) std::cerr << text;
  return std::move(loaded.plan);
}

ControllerOptions options_of(const Arguments& arguments) {
  return {.state_folder = default_state_folder(), .step_by_step = arguments.step_by_step};
}

}  // namespace

int check_command(const Arguments& arguments) {
  const auto plan = checked(load_plan_file(arguments.plan, arguments.vars, action_table()));
  if (!plan) return plan_invalid;
  std::cout << fmt::format("{}: {} phases, {} steps, {} hosts. No errors.\n", arguments.plan, plan->phases.size(),
                           plan->steps.size(), plan->hosts.size());
  return 0;
}

int run_command(const Arguments& arguments) {
  RunSnapshot snapshot;
  const auto plan = checked(load_and_capture(arguments.plan, arguments.vars, snapshot));
  if (!plan) return plan_invalid;
  const ControllerOptions options = options_of(arguments);
  if (arguments.dry_run) {
    const auto report = make_report(*plan, "", arguments);
    return dry_run(*plan, *report, options);
  }
  Journal journal(options.state_folder);
  snapshot.begun = std::chrono::system_clock::now();
  snapshot.operator_name = operator_name();
  const std::string run = journal.create_run(snapshot);
  const auto report = make_report(*plan, run, arguments);
  Controller controller(*plan, run, journal, *report, make_ask(arguments), options);
  return controller.go_forward();
}

int resume_command(const Arguments& arguments) {
  const ControllerOptions options = options_of(arguments);
  Journal journal(options.state_folder);
  const RunSnapshot snapshot = journal.find_run(arguments.run);
  const Plan plan = load_captured(snapshot);
  const RunState state(plan, journal.records(snapshot.id));
  const auto report = make_report(plan, snapshot.id, arguments);
  if (state.everything_done() && state.rollback_under_way().empty()) {
    report->notice(fmt::format("Run {} is done: there is nothing to resume.", snapshot.id));
    return 0;
  }
  if (plan_was_edited(snapshot)) {
    report->notice(fmt::format("{} was edited since run {} began. The run goes on with the plan as it was then.",
                               snapshot.file, snapshot.id));
  }
  Controller controller(plan, snapshot.id, journal, *report, make_ask(arguments), options);
  return controller.go_forward();
}

int rollback_command(const Arguments& arguments) {
  const ControllerOptions options = options_of(arguments);
  Journal journal(options.state_folder);
  const RunSnapshot snapshot = journal.find_run(arguments.run);
  const Plan plan = load_captured(snapshot);
  const RunState state(plan, journal.records(snapshot.id));
  RollbackScope scope;
  int from = 0;
  try {
    from = rollback_target(plan, state, arguments.to);
    scope = rollback_scope(plan, state, from);
  } catch (const std::invalid_argument& error) {
    std::cerr << "migrate: " << error.what() << "\n";
    return wrong_usage;
  }
  const auto report = make_report(plan, snapshot.id, arguments);
  if (scope.steps.empty()) {
    report->notice(fmt::format("Run {}: there is nothing to take back.", snapshot.id));
    return 3;
  }
  report->notice(fmt::format("Run {} of {}: to be taken back, in this order:\n\n{}", snapshot.id, plan.name,
                             scope_text(plan, state, scope.steps)));
  for (int index : scope.irreversible) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    report->notice(fmt::format("x {} {} cannot be taken back: {}", step.number, step.name, step.undo.why));
  }
  for (const std::string& loss : scope.losses) report->notice("! Behind the point of no return: " + loss);
  if (arguments.dry_run) {
    report->notice("Nothing was changed.");
    return 0;
  }
  const bool loses = !scope.losses.empty() || !scope.irreversible.empty();
  if (loses && !arguments.yes && !confirm("Going back loses what is said above.", "lose it")) {
    report->notice("Nothing was changed. Say --yes (or type the words at a terminal) to go back all the same.");
    return 5;
  }
  if (arguments.step_by_step && !arguments.yes) {
    std::vector<int> chosen;
    for (int index : scope.steps) {
      const Step& step = plan.steps[static_cast<std::size_t>(index)];
      if (!confirm(fmt::format("Take back {} {}?", step.number, step.name), "y"))
        break;  // what lies before it stays, too
      chosen.push_back(index);
    }
    scope.steps = std::move(chosen);
    if (scope.steps.empty()) return 5;
    from = scope.steps.back();
  }
  Controller controller(plan, snapshot.id, journal, *report, make_ask(arguments), options);
  return controller.roll_back(scope.steps, from, arguments.to.empty() ? "the last step" : "to " + arguments.to);
}

}  // namespace migrate
