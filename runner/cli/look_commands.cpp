#include "runner/cli/commands.h"
#include "runner/engine/run_state.h"
#include "runner/journal/journal.h"
#include "runner/journal/output_log.h"
#include "runner/plan_snapshot.h"
#include "runner/report/words.h"
#include "steps/printable.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iostream>

namespace migrate {
namespace {

/// A run of one word: what an operator wants to know of it first.
std::string word_for(const RunState& state) {
  if (!state.rollback_under_way().empty()) return "rolling back";
  if (!state.begun()) return "never begun";
  if (state.everything_done()) return "done";
  if (state.nothing_touched() && state.exit() == 3) return "rolled back";
  if (state.exit() == 3) return "rolled back in part";
  if (state.exit() == 4) return "rollback incomplete";
  if (state.exit() == 2) return "failed";
  if (state.exit()) return "paused";
  return "interrupted";
}

void print_status_json(const RunSnapshot& run, const Plan& plan, const RunState& state) {
  boost::json::array steps;
  for (int index = 0; index < state.size(); ++index) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    boost::json::array seats;
    for (const SeatStatus& seat : state.step(index).seats) {
      boost::json::object object{{"host", seat.seat.host},       {"role", seat.seat.role},
                                 {"state", to_text(seat.state)}, {"attempt", seat.attempt},
                                 {"undo_owed", seat.undo_owed},  {"changed", seat.touched}};
      if (!seat.error.empty()) object["error"] = seat.error;
      seats.emplace_back(std::move(object));
    }
    steps.emplace_back(boost::json::object{{"step", step.number},
                                           {"name", step.name},
                                           {"action", step.call.action},
                                           {"state", to_text(state.step(index).state())},
                                           {"hosts", std::move(seats)}});
  }
  boost::json::object whole{{"run", run.id},
                            {"plan", run.plan_name},
                            {"file", run.file},
                            {"begun", milliseconds_since_1970(run.begun)},
                            {"operator", run.operator_name},
                            {"state", word_for(state)},
                            {"steps", std::move(steps)}};
  if (state.exit()) whole["exit"] = *state.exit();
  if (auto down = state.downtime(std::chrono::system_clock::now())) whole["downtime_ms"] = down->count();
  std::cout << boost::json::serialize(whole) << "\n";
}

void print_status(const RunSnapshot& run, const Plan& plan, const RunState& state) {
  std::cout << fmt::format("Run {} of {} ({}), begun {} by {}: {}\n", run.id, run.plan_name, run.file,
                           time_text(run.begun), run.operator_name, word_for(state));
  if (!state.pause_reason().empty()) std::cout << "  " << state.pause_reason() << "\n";
  if (auto down = state.downtime(std::chrono::system_clock::now()))
    std::cout << "  down for " << took_text(*down) << "\n";
  int phase = -1;
  for (int index = 0; index < state.size(); ++index) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    if (step.phase != phase) {
      phase = step.phase;
      const Phase& is = plan.phases[static_cast<std::size_t>(phase)];
      std::cout << fmt::format("\n{:>2}  {}\n", is.number, is.name);
    }
    const StepStatus& status = state.step(index);
    std::cout << fmt::format("    {:<5} {:<9} {:<58} {}\n", step.number, to_text(status.state()), step.name,
                             hosts_text(step));
    if (status.until && !status.done()) std::cout << "            until " << time_text(*status.until) << "\n";
    for (const SeatStatus& seat : status.seats) {
      if (seat.undo_owed) std::cout << fmt::format("            UNDO OWED on {}\n", seat.seat.host);
      if (seat.state != SeatState::failed && seat.state != SeatState::unknown) continue;
      std::cout << fmt::format("            {}: {}\n", seat.seat.host, printable(seat.error));
    }
  }
  if (!state.everything_done() || !state.rollback_under_way().empty()) {
    std::cout << fmt::format("\n  go on:     migrate resume {}\n", run.id);
  }
  if (!state.nothing_touched()) std::cout << fmt::format("  all back:  migrate rollback {} --to start\n", run.id);
}

}  // namespace

int status_command(const Arguments& arguments) {
  const Journal journal(default_state_folder());
  const RunSnapshot run = journal.find_run(arguments.run);
  const Plan plan = load_captured(run);
  const RunState state(plan, journal.records(run.id));
  arguments.json ? print_status_json(run, plan, state) : print_status(run, plan, state);
  return 0;
}

int runs_command(const Arguments& arguments) {
  const Journal journal(default_state_folder());
  for (const RunSnapshot& run : journal.runs()) {
    std::string word;
    try {
      const Plan plan = load_captured(run);
      word = word_for(RunState(plan, journal.records(run.id)));
    } catch (const std::exception&) {
      word = "of another version of migrate";
    }
    if (arguments.json) {
      std::cout << boost::json::serialize(boost::json::object{{"run", run.id},
                                                              {"plan", run.plan_name},
                                                              {"file", run.file},
                                                              {"begun", milliseconds_since_1970(run.begun)},
                                                              {"operator", run.operator_name},
                                                              {"state", word}})
                << "\n";
    } else {
      std::cout << fmt::format("{:<9} {}  {:<20} {:<30} {}\n", run.id, time_text(run.begun), word, run.plan_name,
                               run.file);
    }
  }
  return 0;
}

int log_command(const Arguments& arguments) {
  const Journal journal(default_state_folder());
  Arguments asked = arguments;
  RunSnapshot run;
  try {
    run = journal.find_run(asked.run);
  } catch (const JournalError&) {
    if (!asked.step.empty() || asked.run.empty()) throw;
    asked.step = asked.run;  // `migrate log 5.4`: a step of the newest run
    run = journal.find_run("");
  }
  const Plan plan = load_captured(run);
  std::string number;
  if (!asked.step.empty()) {
    const auto index = plan.find_step(asked.step);
    if (!index) {
      std::cerr << fmt::format("migrate: run {} has no step {}: `migrate status {}` lists them\n", run.id, asked.step,
                               run.id);
      return 64;
    }
    number = plan.steps[static_cast<std::size_t>(*index)].number;
  }
  for (const Record& record : journal.records(run.id)) {
    if (!number.empty() && record.step != number) continue;
    if (asked.json) {
      std::cout << boost::json::serialize(boost::json::object{{"sequence", record.sequence},
                                                              {"time", milliseconds_since_1970(record.time)},
                                                              {"event", to_text(record.kind)},
                                                              {"step", record.step},
                                                              {"host", record.host},
                                                              {"role", record.role},
                                                              {"data", record.data}})
                << "\n";
      continue;
    }
    std::string what;
    for (const char* key : {"error", "why", "answer", "operator"}) {
      const auto* value = record.data.if_contains(key);
      if (value && value->is_string() && !value->as_string().empty())
        what = printable(std::string_view(value->as_string()));
    }
    std::cout << fmt::format("{}  {:<6} {:<14} {:<10} {}\n", time_text(record.time), record.step, to_text(record.kind),
                             record.host, what);
  }
  if (asked.json) return 0;
  for (const auto& file : OutputLog::files(journal.state_folder(), run.id, number)) {
    std::cout << fmt::format("\n--- output of {} on {}\n", file.step, file.host);
    std::ifstream text(file.path);
    for (std::string line; std::getline(text, line);) std::cout << printable(line) << "\n";
  }
  return 0;
}

}  // namespace migrate
