#include "tests/unit/steps/contract.h"

#include "steps/catalogue.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <memory>

namespace migrate {

namespace {

using Fault = FakeSystem::Fault;
constexpr Fault all_faults[] = {Fault::before, Fault::after, Fault::crash};

State through_json_text(const State& state) {
  return state_from_json(boost::json::parse(boost::json::serialize(to_json(state))));
}

/// A fresh world with its action, probed.
struct Trial {
  FakeSystem machine;
  std::unique_ptr<Action> action;
  std::string first;
  State before;

  explicit Trial(const ContractCase& contract_case) {
    contract_case.world(machine);
    first = machine.fingerprint();
    action = make_action(contract_case.action, contract_case.params, "");
    before = through_json_text(action->probe(machine));
  }

  /// Runs `act`, which may fail; afterwards no fault is left. Whether it ended without a Failure.
  template <typename Act>
  bool attempt(Act act) {
    bool ended = true;
    try {
      act();
    } catch (const Failure&) {
      ended = false;
    }
    machine.forget_faults();
    return ended;
  }

  bool is_as_before() {
    EXPECT_EQ(difference(before, action->probe(machine)), "");
    EXPECT_EQ(first, machine.fingerprint());
    return first == machine.fingerprint();
  }
};

/// Without a fault. Gives how many writes apply() and undo() do.
std::pair<int, int> check_undisturbed(const ContractCase& contract_case) {
  Trial trial(contract_case);
  Action& action = *trial.action;
  FakeSystem& machine = trial.machine;
  EXPECT_EQ(machine.writes(), 0) << "probe() must only read";
  EXPECT_EQ(trial.first, machine.fingerprint());
  Change change = action.plan(trial.before);
  EXPECT_FALSE(change.nothing_to_do());
  EXPECT_FALSE(change.undo.empty());
  boost::json::object outputs = action.apply(machine, trial.before);
  int apply_writes = machine.writes();
  action.verify(machine, trial.before, outputs);
  State after = action.probe(machine);
  EXPECT_TRUE(agrees(change.after, after)) << difference(change.after, after);
  std::string applied = machine.fingerprint();
  action.apply(machine, trial.before);
  EXPECT_EQ(applied, machine.fingerprint()) << "apply() again must change nothing";
  int before_undo = machine.writes();
  action.undo(machine, trial.before);
  int undo_writes = machine.writes() - before_undo;
  trial.is_as_before();
  action.undo(machine, trial.before);
  trial.is_as_before();
  return {apply_writes, undo_writes};
}

bool survives_fault_in_apply(const ContractCase& contract_case, int write, Fault fault) {
  Trial trial(contract_case);
  trial.machine.fail_at_write(write, fault);
  trial.attempt([&] { trial.action->apply(trial.machine, trial.before); });
  trial.action->undo(trial.machine, trial.before);
  return trial.is_as_before();
}

bool survives_fault_and_second_apply(const ContractCase& contract_case, int write, Fault fault) {
  Trial trial(contract_case);
  Change change = trial.action->plan(trial.before);
  trial.machine.fail_at_write(write, fault);
  trial.attempt([&] { trial.action->apply(trial.machine, trial.before); });
  boost::json::object outputs = trial.action->apply(trial.machine, trial.before);
  trial.action->verify(trial.machine, trial.before, outputs);
  State after = trial.action->probe(trial.machine);
  EXPECT_TRUE(agrees(change.after, after)) << difference(change.after, after);
  trial.action->undo(trial.machine, trial.before);
  return trial.is_as_before();
}

bool survives_fault_in_undo(const ContractCase& contract_case, int write, Fault fault) {
  Trial trial(contract_case);
  trial.action->apply(trial.machine, trial.before);
  trial.machine.fail_at_write(write, fault);
  trial.attempt([&] { trial.action->undo(trial.machine, trial.before); });
  trial.action->undo(trial.machine, trial.before);
  return trial.is_as_before();
}

bool survives_two_crashes(const ContractCase& contract_case, int in_apply, int in_undo) {
  Trial trial(contract_case);
  trial.machine.fail_at_write(in_apply, Fault::crash);
  trial.attempt([&] { trial.action->apply(trial.machine, trial.before); });
  trial.machine.fail_at_write(in_undo, Fault::crash);
  trial.attempt([&] { trial.action->undo(trial.machine, trial.before); });
  trial.action->undo(trial.machine, trial.before);
  return trial.is_as_before();
}

}  // namespace

void check_contract(const ContractCase& contract_case, ContractCounts& counts) {
  SCOPED_TRACE(contract_case.action + ": " + contract_case.name);
  ++counts.cases;
  auto [apply_writes, undo_writes] = check_undisturbed(contract_case);
  auto count = [&](const std::string& where, bool survived) {
    ++counts.faults;
    counts.survived += survived;
    EXPECT_TRUE(survived) << where;
  };
  for (Fault fault : all_faults) {
    std::string kind = " (fault " + std::to_string(static_cast<int>(fault)) + ")";
    for (int n = 1; n <= apply_writes; ++n) {
      std::string where = "write " + std::to_string(n) + " of apply" + kind;
      count(where, survives_fault_in_apply(contract_case, n, fault));
      count(where + ", applied again", survives_fault_and_second_apply(contract_case, n, fault));
    }
    for (int n = 1; n <= undo_writes; ++n) {
      count("write " + std::to_string(n) + " of undo" + kind, survives_fault_in_undo(contract_case, n, fault));
    }
  }
  for (int n = 1; n <= apply_writes; ++n) {
    for (int m = 1; m <= undo_writes; ++m) {
      count("killed at write " + std::to_string(n) + " of apply and " + std::to_string(m) + " of undo",
            survives_two_crashes(contract_case, n, m));
    }
  }
}

std::vector<ContractCase> contract_cases() {
  std::vector<ContractCase> all;
  for (auto family : {file_cases, service_cases, apache_cases, dns_cases}) {
    for (ContractCase& one : family()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace migrate
