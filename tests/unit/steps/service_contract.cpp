#include "tests/unit/steps/contract.h"

namespace migrate {

std::vector<ContractCase> service_cases() {
  auto two_up = [](FakeSystem& machine) {
    machine.add_service("pgbouncer", "active").add_service("apache2", "active", "disabled");
  };
  auto two_down = [](FakeSystem& machine) {
    machine.add_service("pgbouncer", "inactive").add_service("apache2", "inactive");
  };
  auto one_up = [](FakeSystem& machine) {
    machine.add_service("pgbouncer", "active").add_service("apache2", "inactive");
  };
  const boost::json::object both{{"units", {"pgbouncer", "apache2.service"}}};
  return {
      {"two that are down", "service.start", both, two_down}, {"one of two is up", "service.start", both, one_up},
      {"two that are up", "service.stop", both, two_up},      {"one of two is up", "service.stop", both, one_up},
      {"two that are up", "service.restart", both, two_up},   {"one of two is down", "service.restart", both, one_up},
      {"two that are up", "service.reload", both, two_up},    {"one of two is down", "service.reload", both, one_up},
  };
}

}  // namespace migrate
