// A run told as text: a plan goes in, the world answers as the scenario says, and every record, job and question comes
// out as a line. The engine knows no clock and no network, so a scenario is all there is to it.
#pragma once

#include "plans/load.h"
#include "runner/engine/engine.h"
#include "steps/catalogue.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace migrate::scenario {

inline Plan plan_of(const std::string& text) {
  LoadInput input;
  input.file = "scenario.yaml";
  input.text = text;
  input.environment = [](const std::string&) { return std::nullopt; };
  input.read_file = [](const std::string&) { return std::nullopt; };
  Loaded loaded = load_plan(input, action_table());
  if (!loaded.plan) throw std::runtime_error(loaded.diagnostics.render());
  return std::move(*loaded.plan);
}

class Scenario {
 public:
  explicit Scenario(const std::string& plan_text) : plan(plan_of(plan_text)) { reopen(); }

  /// "apply 1.2 old" -> fails with that text (once; `always` for every time).
  void fails(const std::string& job, const std::string& error) {
    answers_[job].push_back(outcome(Outcome::Kind::failed, error));
  }
  void is_lost(const std::string& job) { answers_[job].push_back(outcome(Outcome::Kind::lost, "the host vanished")); }
  void is_interrupted(const std::string& job) {
    answers_[job].push_back(outcome(Outcome::Kind::interrupted, "its process is gone"));
  }
  void never_answers(const std::string& job) { silent_.insert(job); }
  /// The answer to a job that was silent so far: it failed.
  void say_outcome(const std::string& job, const std::string& error) {
    silent_.erase(job);
    take(engine->on_outcome(now, waiting_.at(job), outcome(Outcome::Kind::failed, error)));
  }
  /// What probes of that step and host find from now on.
  void finds(const std::string& step_and_host, const std::string& json) {
    states_[step_and_host] = boost::json::parse(json).as_object();
  }

  /// A new engine over what is in the journal.
  void reopen() {
    seen_.clear();
    engine = std::make_unique<Engine>(plan, EngineSettings{.run = "7f3a"}, journal);
  }

  void start() { take(engine->start(now, {})); }
  void roll_back(const std::vector<int>& steps) { take(engine->start_rollback(now, steps, steps.back(), "asked")); }
  void answer(int step, const std::string& choice) { take(engine->on_answer(now, step, choice, "tester")); }
  void pause() { take(engine->pause(now, 130, "interrupted")); }
  void pass(Milliseconds time) {
    now += time;
    take(engine->on_tick(now));
  }
  /// The controller dies: all that is left is what was written.
  void crash() {
    reopen();
    open_.clear();
    say("*** crash");
  }

  std::string told() {
    std::string all;
    for (const std::string& line : lines_) all += line + "\n";
    lines_.clear();
    return all;
  }

  Plan plan;
  std::unique_ptr<Engine> engine;
  Time now{std::chrono::seconds(1000)};
  std::vector<Record> journal;
  std::map<std::string, int> effects;  // "apply 1.1 old" -> how often a job that changes something was really run
  int exit = -1;

 private:
  static Outcome outcome(Outcome::Kind kind, const std::string& error) {
    Outcome made;
    made.kind = kind;
    made.error = error;
    return made;
  }
  void say(const std::string& line) { lines_.push_back(line); }

  void take(EngineTurn turn) {
    for (const Record& record : turn.records) {
      std::string line = std::string(to_text(record.kind));
      if (!record.step.empty()) line += " " + record.step;
      if (!record.host.empty()) line += " " + record.host;
      if (const auto* error = record.data.if_contains("error")) line += ": " + std::string(error->as_string());
      say(line);
      journal.push_back(record);
    }
    for (const Job& job : turn.jobs) {
      EXPECT_TRUE(seen_.insert(job.unique()).second || job.changes_something())
          << "the same id for another " << name_of(job);
      open_.push_back(job);
      say("  > " + name_of(job));
    }
    for (const Question& question : turn.questions)
      say("? " + plan.steps[static_cast<std::size_t>(question.step)].number);
    if (turn.finish) {
      exit = turn.finish->exit;
      say("exit " + std::to_string(exit));
    }
    while (!open_.empty()) {
      const Job job = open_.front();
      open_.pop_front();
      reply(job);
    }
  }
  static std::string name_of(const Job& job) {
    return (job.settle ? "settle " : "") + std::string(to_text(job.verb)) + " " + job.step + " " + job.host;
  }

  void reply(const Job& job) {
    const std::string name = name_of(job);
    if (silent_.contains(name)) {
      waiting_[name] = job.unique();
      return;
    }
    auto planned = answers_.find(name);
    Outcome made;
    if (planned != answers_.end() && !planned->second.empty()) {
      made = planned->second.front();
      planned->second.pop_front();
    } else if (auto known = ledger_.find(job.unique()); known != ledger_.end()) {
      made = known->second;
    } else if (job.settle) {
      made.kind = Outcome::Kind::refused;
    } else if (job.changes_something()) {
      ++effects[name];
      made.applied = made.verified = job.then_verify;
      ledger_[job.unique()] = made;
    }
    const std::string at = job.step.substr(0, job.step.find('/')) + " " + job.host;
    if (job.verb == Verb::probe && made.kind == Outcome::Kind::done && states_.contains(at)) made.state = states_[at];
    take(engine->on_outcome(now, job.unique(), made));
  }

  std::deque<Job> open_;
  std::map<std::string, std::deque<Outcome>> answers_;
  std::map<std::string, Outcome> ledger_;
  std::set<std::string> silent_;
  std::map<std::string, std::string> waiting_;  // silent jobs by name: their unique ids
  std::set<std::string> seen_;
  std::map<std::string, boost::json::object> states_;
  std::vector<std::string> lines_;
};

}  // namespace migrate::scenario
