#include "tests/unit/steps/contract.h"

namespace migrate {

std::vector<ContractCase> dns_cases() {
  const std::string key = "key \"migrate-key\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };";
  auto world = [](FakeSystem& machine) {
    machine.add_records("libravatar.test", "libravatar.test", "A", 43200, {"192.0.2.10"})
        .add_records("libravatar.test", "libravatar.test", "AAAA", 43200, {"2001:db8:1::10"})
        .add_records("libravatar.test", "cdn.libravatar.test", "A", 60, {"192.0.2.10", "203.0.113.5", "203.0.113.6"})
        .add_records("example.test", "example.test", "A", 300, {"192.0.2.10"})
        .require_dns_key({"migrate-key", "hmac-sha256", "c2VjcmV0"});
  };
  auto with = [&](boost::json::object params) {
    params["server"] = "ns1";
    params["key"] = key;
    return params;
  };
  return {
      {"both families", "dns.ttl", with({{"names", {"libravatar.test"}}, {"ttl", 3600000}}), world},
      {"two zones, one family", "dns.ttl",
       with({{"names", {"libravatar.test", "example.test"}}, {"types", {"A"}}, {"ttl", 60000}}), world},
      {"other values, another ttl", "dns.set",
       with({{"names", {"libravatar.test"}}, {"A", {"198.51.100.20"}}, {"AAAA", {"2001:DB8:2::20"}}, {"ttl", 300000}}),
       world},
      {"a set that is new and one that is not, in two zones", "dns.set",
       with({{"names", {"libravatar.test", "example.test"}}, {"AAAA", {"2001:db8:2::20"}}}), world},
      {"one value more, one set more", "dns.add",
       with({{"names", {"cdn.libravatar.test"}}, {"values", {"198.51.100.20", "203.0.113.5", "2001:db8:2::20"}}}),
       world},
      {"some values", "dns.remove",
       with({{"names", {"cdn.libravatar.test"}}, {"values", {"203.0.113.5", "203.0.113.6"}}}), world},
      {"all values of a set, in two zones", "dns.remove",
       with({{"names", {"libravatar.test", "example.test"}}, {"values", {"192.0.2.10"}}}), world},
  };
}

}  // namespace migrate
