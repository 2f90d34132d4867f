#include "steps/dns.h"

#include "steps/dns_key.h"
#include "tests/support/fake_system.h"

#include <gtest/gtest.h>

namespace migrate {

namespace {

const DnsKey dns_test_key{"migrate-key", "hmac-sha256", "c2VjcmV0"};

boost::json::object dns_params(boost::json::object params) {
  params["server"] = "ns1.libravatar.test";
  params["key"] = "key \"migrate-key\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };";
  return params;
}

std::unique_ptr<Action> dns_action(std::string_view name, boost::json::object params) {
  return make_dns(name, dns_params(std::move(params)), "");
}

FakeSystem dns_world() {
  FakeSystem machine;
  machine.add_records("libravatar.test", "libravatar.test", "A", 43200, {"192.0.2.10"})
      .add_records("libravatar.test", "libravatar.test", "AAAA", 43200, {"2001:db8:1::10"})
      .add_records("libravatar.test", "cdn.libravatar.test", "A", 60, {"192.0.2.10", "203.0.113.5", "203.0.113.6"})
      .require_dns_key(dns_test_key);
  return machine;
}

Change dns_plan(std::string_view name, boost::json::object params) {
  FakeSystem machine = dns_world();
  auto action = dns_action(name, std::move(params));
  return action->plan(action->probe(machine));
}

std::string dns_sentence(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

using DnsLines = std::vector<std::string>;

/// Takes the update, and tells nobody, so that the sender repeats it; or serves the old set for a while.
class ForgetfulSystem : public FakeSystem {
 public:
  int stale_answers = 0;
  bool loses_answers = false;

  void dns_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) override {
    before_ = zone(update.zone);
    FakeSystem::dns_update(server, key, update);
    stale_left_ = stale_answers;
    if (loses_answers) FakeSystem::dns_update(server, key, update);
  }
  DnsRecordSet dns_query(const std::string& server, const std::string& name, const std::string& type) override {
    if (stale_left_ > 0) {
      --stale_left_;
      return before_.at({name, type});
    }
    return FakeSystem::dns_query(server, name, type);
  }

 private:
  int stale_left_ = 0;
  std::map<std::pair<std::string, std::string>, DnsRecordSet> before_;
};

}  // namespace

TEST(DnsTtl, ShowsTheOldAndTheNewTtlBesideTheValues) {
  Change change = dns_plan("dns.ttl", {{"names", {"libravatar.test"}}, {"types", {"A", "AAAA"}}, {"ttl", 3600000}});
  EXPECT_EQ(change.mark, '~');
  EXPECT_EQ(change.summary, "2 record sets");
  EXPECT_EQ(change.details, (DnsLines{"libravatar.test.  A     43200 -> 3600    192.0.2.10",
                                      "libravatar.test.  AAAA  43200 -> 3600    2001:db8:1::10"}));
  EXPECT_EQ(change.undo, "put 43200 back");
}

TEST(DnsTtl, LeavesAloneWhatIsNotThereOrAlreadySo) {
  EXPECT_TRUE(dns_plan("dns.ttl", {{"names", {"libravatar.test"}}, {"ttl", 43200000}}).nothing_to_do());
  Change change = dns_plan("dns.ttl", {{"names", {"cdn.libravatar.test"}}, {"ttl", 1000}});
  EXPECT_EQ(change.details, (DnsLines{"cdn.libravatar.test.  A     60 -> 1    192.0.2.10, 203.0.113.5, 203.0.113.6"}));
}

TEST(DnsTtl, TakesWholeSecondsOfAddressesOnly) {
  EXPECT_THROW(dns_action("dns.ttl", {{"names", {"a.test"}}, {"ttl", 1500}}), Failure);
  EXPECT_THROW(dns_action("dns.ttl", {{"names", {"a.test"}}, {"ttl", 864000000}}), Failure);
  EXPECT_THROW(dns_action("dns.ttl", {{"names", {"a.test"}}, {"types", {"MX"}}, {"ttl", 1000}}), Failure);
}

TEST(DnsSet, ReplacesValuesAndKeepsTheTtlUnlessToldOtherwise) {
  Change kept = dns_plan("dns.set", {{"names", {"libravatar.test"}}, {"A", {"198.51.100.20"}}});
  EXPECT_EQ(kept.details, (DnsLines{"libravatar.test.  A     192.0.2.10 -> 198.51.100.20    ttl 43200"}));
  EXPECT_EQ(kept.undo, "put 192.0.2.10 back, remove 198.51.100.20 again");
  Change told = dns_plan("dns.set", {{"names", {"libravatar.test"}}, {"AAAA", {"2001:DB8:2:0::20"}}, {"ttl", 300000}});
  EXPECT_EQ(told.details, (DnsLines{"libravatar.test.  AAAA  2001:db8:1::10 -> 2001:db8:2::20    ttl 43200 -> 300"}));
}

TEST(DnsSet, MakesSetsThatAreNotThere) {
  Change change = dns_plan("dns.set", {{"names", {"new.libravatar.test"}}, {"A", {"198.51.100.20"}}});
  EXPECT_EQ(change.mark, '+');
  EXPECT_EQ(change.details, (DnsLines{"new.libravatar.test.  A     new -> 198.51.100.20    ttl 3600"}));
  EXPECT_EQ(change.undo, "remove 198.51.100.20 again");
}

TEST(DnsSet, RefusesWhatIsNoAddressOfThatFamily) {
  EXPECT_THROW(dns_action("dns.set", {{"names", {"a.test"}}, {"A", {"2001:db8::1"}}}), Failure);
  EXPECT_THROW(dns_action("dns.set", {{"names", {"a.test"}}, {"AAAA", {"192.0.2.1"}}}), Failure);
  EXPECT_THROW(dns_action("dns.set", {{"names", {"a.test"}}}), Failure);
}

TEST(DnsAddAndRemove, ShowWhatComesAndGoes) {
  Change less = dns_plan(
      "dns.remove", {{"names", {"cdn.libravatar.test"}}, {"values", {"203.0.113.5", "203.0.113.6", "192.0.2.99"}}});
  EXPECT_EQ(less.mark, '-');
  EXPECT_EQ(less.details, (DnsLines{"cdn.libravatar.test.  A     - 203.0.113.5, 203.0.113.6    leaves 192.0.2.10"}));
  EXPECT_EQ(less.undo, "put 203.0.113.5, 203.0.113.6 back");
  Change all = dns_plan("dns.remove", {{"names", {"libravatar.test"}}, {"values", {"2001:db8:1:0::10"}}});
  EXPECT_EQ(all.details, (DnsLines{"libravatar.test.  AAAA  - 2001:db8:1::10    leaves none"}));
  EXPECT_TRUE(all.after.at("dns:libravatar.test/AAAA").is_null());
  Change more = dns_plan("dns.add", {{"names", {"libravatar.test"}}, {"values", {"198.51.100.20"}}});
  EXPECT_EQ(more.mark, '+');
  EXPECT_EQ(more.details, (DnsLines{"libravatar.test.  A     + 198.51.100.20    beside 192.0.2.10"}));
  EXPECT_TRUE(dns_plan("dns.remove", {{"names", {"libravatar.test"}}, {"values", {"192.0.2.99"}}}).nothing_to_do());
}

TEST(DnsAction, PlansWithoutTheKeysValue) {
  auto action = make_dns(
      "dns.set", {{"names", {"a.test"}}, {"A", {"192.0.2.1"}}, {"server", "ns1"}, {"key", {{"$secret", "tsig"}}}}, "");
  EXPECT_EQ(action->plan({{"dns:a.test/A", nullptr}}).mark, '+');
}

TEST(DnsAction, ShowsThreeStatesWhenSomebodyElseInterfered) {
  FakeSystem machine = dns_world();
  auto action = dns_action("dns.set", {{"names", {"libravatar.test"}}, {"A", {"198.51.100.20"}}, {"ttl", 300000}});
  State before = action->probe(machine);
  machine.add_records("libravatar.test", "libravatar.test", "A", 43200, {"203.0.113.99"});
  std::string fingerprint = machine.fingerprint();
  std::string applying = dns_sentence([&] { action->apply(machine, before); });
  for (const char* state :
       {"changed by someone else", "43200  192.0.2.10", "300  198.51.100.20", "43200  203.0.113.99"}) {
    EXPECT_NE(applying.find(state), std::string::npos) << applying;
  }
  EXPECT_NE(dns_sentence([&] { action->undo(machine, before); }).find("203.0.113.99"), std::string::npos);
  EXPECT_EQ(machine.fingerprint(), fingerprint);
}

TEST(DnsAction, SeesThatAnUpdateWhoseAnswerGotLostWasDone) {
  ForgetfulSystem machine;
  machine.loses_answers = true;
  machine.add_records("libravatar.test", "libravatar.test", "A", 43200, {"192.0.2.10"});
  auto action = dns_action("dns.set", {{"names", {"libravatar.test"}}, {"A", {"198.51.100.20"}}});
  State before = action->probe(machine);
  EXPECT_EQ(dns_sentence([&] { action->apply(machine, before); }), "no failure");
  action->verify(machine, before, {});
}

TEST(DnsAction, WaitsUntilTheServerAnswersWithTheNewSet) {
  ForgetfulSystem machine;
  machine.add_records("libravatar.test", "libravatar.test", "A", 43200, {"192.0.2.10"});
  auto action = dns_action("dns.ttl", {{"names", {"libravatar.test"}}, {"types", {"A"}}, {"ttl", 3600000}});
  State before = action->probe(machine);
  machine.stale_answers = 7;
  action->apply(machine, before);
  EXPECT_EQ(machine.zone("libravatar.test").at({"libravatar.test", "A"}).ttl, 3600u);
  machine.stale_answers = 1000;
  std::string said = dns_sentence([&] { action->undo(machine, before); });
  EXPECT_NE(said.find("took the update, but 10 s later it still answers"), std::string::npos) << said;
}

TEST(DnsAction, FailsToVerifyWhatIsNotSo) {
  FakeSystem machine = dns_world();
  auto action = dns_action("dns.ttl", {{"names", {"libravatar.test"}}, {"ttl", 3600000}});
  State before = action->probe(machine);
  EXPECT_THROW(action->verify(machine, before, {}), Failure);
}

TEST(DnsKeyText, IsReadInAllItsForms) {
  for (const char* text :
       {"key \"migrate-key\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n",
        "# made by hand\nkey migrate-key. {\n\tsecret c2VjcmV0; // here\n\talgorithm HMAC-SHA256;\n} /* end */",
        "migrate-key:c2VjcmV0\n", "hmac-sha256:migrate-key:c2VjcmV0"}) {
    DnsKey key = parse_dns_key(text);
    EXPECT_EQ(key.name, dns_test_key.name) << text;
    EXPECT_EQ(key.algorithm, dns_test_key.algorithm) << text;
    EXPECT_EQ(key.secret, dns_test_key.secret) << text;
  }
  EXPECT_EQ(parse_dns_key("k:a//b").secret, "a//b");
}

TEST(DnsKeyText, IsNeverShownWhenItIsWrong) {
  for (const char* text :
       {"", "SECRETz", "k:SECRETz", "k:SECRET==z", "md5:k:SECRETzz",
        "key \"k\" { algorithm hmac-sha256; secret \"SECRETzz\" };", "key \"k\" { secret \"SECRETzz\"; };",
        "key \"k\" { algorithm hmac-sha256; secret \"SECRETzz\";", "key k \"SECRETzz",
        "key k { algorithm hmac-sha256; secret \"SECRETzz\"; }; key l { algorithm hmac-sha256; secret \"SECRETzz\"; };",
        "k SECRETzz", "-----BEGIN SECRET-----"}) {
    std::string said = dns_sentence([&] { parse_dns_key(text); });
    EXPECT_NE(said.find("holds no TSIG key"), std::string::npos) << text << ": " << said;
    EXPECT_EQ(said.find("SECRET"), std::string::npos) << said;
  }
}

}  // namespace migrate
