// The contract of an action, held against each by the same suite: contract_test.cpp runs it over contract_cases().
//
// To add an action: write FAMILY_contract.cpp with `std::vector<ContractCase> FAMILY_cases()`, declare it below, and
// add it to contract_cases() in contract.cpp. Each case is a world, an action and its parameters:
//
//   {"a new record set", "dns.set", {{"names", {"example.test"}}, ...}, [](FakeSystem& machine) {
//   machine.add_zone(...); }}
//
// What is held, from a fresh world each time, with the state sent through JSON text as the journal does:
//  - probe() writes nothing; apply() leaves what plan() predicted; verify() agrees; apply() again changes nothing
//  - undo() brings back the first state and fingerprint to the byte; undo() again changes nothing
//  - the same with a fault at every single write of apply() (it fails, it fails after it happened, the process is
//  killed),
//    of undo(), and killed in both; and apply() after a failed apply() ends as an undisturbed one does
#pragma once

#include "tests/support/fake_system.h"

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <vector>

namespace migrate {

struct ContractCase {
  std::string name;  // what is special about it
  std::string action;
  boost::json::object params;
  std::function<void(FakeSystem&)> world;
};

struct ContractCounts {
  int cases = 0;
  int faults = 0;    // tried
  int survived = 0;  // of these, how many ended in the first state
};

std::vector<ContractCase> file_cases();
std::vector<ContractCase> service_cases();
std::vector<ContractCase> apache_cases();
std::vector<ContractCase> dns_cases();

/// All cases of all families.
std::vector<ContractCase> contract_cases();

/// Fails the current test with what isn't so.
void check_contract(const ContractCase& contract_case, ContractCounts& counts);

}  // namespace migrate
