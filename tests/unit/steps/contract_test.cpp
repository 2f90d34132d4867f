#include "tests/unit/steps/contract.h"

#include "steps/catalogue.h"

#include <gtest/gtest.h>

#include <iostream>
#include <set>

namespace migrate {

TEST(Contract, HoldsForEveryActionWithAFaultAtEveryWrite) {
  ContractCounts counts;
  std::set<std::string> actions;
  for (const ContractCase& one : contract_cases()) {
    actions.insert(one.action);
    ASSERT_NO_THROW(check_contract(one, counts)) << one.action << ": " << one.name;
  }
  EXPECT_EQ(counts.faults, counts.survived);
  std::cout << "contract: " << actions.size() << " actions, " << counts.cases << " cases, " << counts.faults
            << " faults tried, " << counts.survived << " survived\n";
}

TEST(Contract, CoversEveryActionThatChangesSomethingOnOneSeat) {
  std::set<std::string_view> covered;
  std::vector<ContractCase> cases = contract_cases();
  for (const ContractCase& one : cases) covered.insert(one.action);
  for (const ActionSchema& schema : action_table().actions) {
    // Two seats need two machines: rsync, pg.copy and file.move between hosts have suites of their own.
    if (schema.effect != Effect::changes || schema.placement == Placement::from_to) continue;
    EXPECT_EQ(covered.count(schema.name), 1u) << schema.name << " has no case in the contract's table";
  }
}

}  // namespace migrate
