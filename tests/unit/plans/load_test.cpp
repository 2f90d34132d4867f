// What a right plan becomes.
#include "plans/load.h"

#include "tests/unit/plans/small_table.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace migrate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Plan good_plan(const std::string& text, const std::map<std::string, std::string>& vars = {}) {
  Loaded loaded = load_small(text, vars);
  EXPECT_EQ(loaded.diagnostics.render(), "");
  return loaded.plan.value_or(Plan{});
}

Step only_step(const std::string& step, const std::string& above = "") {
  Plan plan = good_plan(plan_with(step, above));
  return plan.steps.empty() ? Step{} : plan.steps.front();
}

std::string param_of(const std::string& field_and_value) {
  Step step = only_step("      - all.types: { " + field_and_value + " }\n        host: old\n");
  return boost::json::serialize(step.call.params);
}

TEST(Plans, KeepTextsThatLookLikeSomethingElse) {
  EXPECT_EQ(param_of("text: no"), R"({"text":"no"})");
  EXPECT_EQ(param_of("text: 0644"), R"({"text":"0644"})");
  EXPECT_EQ(param_of("text: 22:30"), R"({"text":"22:30"})");
  EXPECT_EQ(param_of("mode: 0644"), R"({"mode":"0644"})");
  EXPECT_EQ(param_of("texts: [no, 1.10]"), R"({"texts":["no","1.10"]})");
}

TEST(Plans, TurnEachFieldIntoWhatTheSchemaSays) {
  EXPECT_EQ(param_of("texts: one"), R"({"texts":["one"]})");
  EXPECT_EQ(param_of("integer: -12"), R"({"integer":-12})");
  EXPECT_EQ(param_of("boolean: true"), R"({"boolean":true})");
  EXPECT_EQ(param_of("duration: 1h30m"), R"({"duration":5400000})");
  EXPECT_EQ(param_of("size: 20M"), R"({"size":20971520})");
  EXPECT_EQ(param_of("choice: slow"), R"({"choice":"slow"})");
  EXPECT_EQ(param_of("file: files/a.txt"), R"({"file":{"name":"files/a.txt","base64":"aGVsbG8="}})");
  EXPECT_EQ(param_of("path: \"new:/var/lib/x/\""), R"({"path":{"host":"new","path":"/var/lib/x/"}})");
  EXPECT_EQ(param_of("path: /var:x"), R"({"path":{"host":"","path":"/var:x"}})");
  EXPECT_EQ(param_of("database: postgres://me@old:5433/lib"),
            R"({"database":{"host":"old","database":"lib","user":"me","port":5433}})");
  EXPECT_EQ(param_of("on: new"), R"({"on":"new"})");
  EXPECT_EQ(param_of("address: \"2001:db8::1\""), R"({"address":"2001:db8::1"})");
  EXPECT_EQ(param_of("names: [WWW.Example.ORG., \"*.b.c\", _dmarc.x]"),
            R"({"names":["www.example.org","*.b.c","_dmarc.x"]})");
  EXPECT_EQ(param_of("command: [a, b c]"), R"({"command":["a","b c"]})");
}

TEST(Plans, PutValuesOfExpressionsIn) {
  std::string vars = "vars: { a: x y, list: [p, q], up: \"${{ env.CITY }}/${{ vars.a }}\" }\n";
  auto param = [&](const std::string& field) {
    return boost::json::serialize(
        only_step("      - all.types: { " + field + " }\n        host: old\n", vars).call.params);
  };
  EXPECT_EQ(param("text: \"<${{ vars.a }}> ${{ hosts.old.address }}\""), R"({"text":"<x y> 192.0.2.1"})");
  EXPECT_EQ(param("text: \"${{ vars.up }}\""), R"({"text":"Bern/x y"})");
  EXPECT_EQ(param("texts: \"${{ vars.list }}\""), R"({"texts":["p","q"]})");
  EXPECT_EQ(param("texts: [o, \"${{ vars.list }}\", r]"), R"({"texts":["o","p","q","r"]})");
  EXPECT_EQ(param("boolean: \"${{ vars.a == 'x y' }}\""), R"({"boolean":true})");
  EXPECT_EQ(param("text: \"${{ '${{' }}\""), R"({"text":"${{"})");
}

TEST(Plans, QuoteValuesInsideOfCommands) {
  std::string vars = "vars: { a: it's, list: [p, q r], safe: x }\n";
  auto command = [&](const std::string& text) {
    Step step = only_step("      - run: |\n          " + text + "\n        host: old\n        undo: nothing\n", vars);
    return std::string(step.call.params.at("command").as_string());
  };
  EXPECT_EQ(command("echo ${{ vars.a }}"), "echo 'it'\\''s'\n");
  EXPECT_EQ(command("echo ${{ raw(vars.a) }}"), "echo it's\n");
  EXPECT_EQ(command("echo ${{ vars.list }}"), "echo p 'q r'\n");
  EXPECT_EQ(command("echo \"${{ vars.safe }}\""), "echo \"x\"\n");
  Loaded twice =
      load_small(plan_with("      - run: echo \"${{ vars.a }}\"\n        host: old\n        undo: nothing\n", vars));
  EXPECT_THAT(twice.diagnostics.render(), testing::HasSubstr("plan.yaml:8:24: this value would be quoted twice"));
}

TEST(Plans, SeatStepsByWhereTheirActionsRun) {
  Plan plan =
      good_plan(plan_with("      - service.stop: a\n        host: [mirrors, old, m1]\n"
                          "      - http.check: { url: \"http://x\" }\n"
                          "      - http.check: { url: \"http://x\" }\n        host: new\n"
                          "      - rsync: { from: \"old:/a\", to: \"new:/a\" }\n"
                          "      - pg.copy: { from: postgres://old/db, to: postgres://new/db }\n"
                          "      - wait: 5s\n"));
  ASSERT_EQ(plan.steps.size(), 6u);
  EXPECT_THAT(plan.steps[0].seats, ElementsAre(Seat{"m1", ""}, Seat{"m2", ""}, Seat{"old", ""}));
  EXPECT_THAT(plan.steps[1].seats, ElementsAre(Seat{"localhost", ""}));
  EXPECT_THAT(plan.steps[2].seats, ElementsAre(Seat{"new", ""}));
  EXPECT_THAT(plan.steps[3].seats, ElementsAre(Seat{"old", "source"}, Seat{"new", "target"}));
  EXPECT_THAT(plan.steps[4].seats, ElementsAre(Seat{"old", "source"}, Seat{"new", "target"}));
  EXPECT_THAT(plan.steps[5].seats, IsEmpty());
  ASSERT_NE(plan.local_host(), nullptr);
  EXPECT_EQ(plan.local_host()->name, "localhost");
}

TEST(Plans, HaveNoImplicitLocalHostWithoutNeed) {
  Plan plan = good_plan(plan_with("      - service.stop: a\n        host: old\n"));
  EXPECT_EQ(plan.local_host(), nullptr);
  EXPECT_EQ(plan.hosts.size(), 4u);
}

TEST(Plans, ReadHostsInAllTheirForms) {
  Plan plan = good_plan(
      "migrate: 1\nvars: { ip: 192.0.2.7 }\nhosts:\n  here: { local: true }\n  a: { address: a.test, user: me, port: "
      "2222, become: root }\n"
      "  b: \"${{ vars.ip }}\"\n  c:\nphases:\n  - name: p\n    steps:\n      - http.check: { url: x }\n");
  EXPECT_TRUE(plan.hosts.at("here").local);
  EXPECT_EQ(plan.hosts.at("a").address, "a.test");
  EXPECT_EQ(plan.hosts.at("a").user, "me");
  EXPECT_EQ(plan.hosts.at("a").port, 2222);
  EXPECT_EQ(plan.hosts.at("a").become, "root");
  EXPECT_EQ(plan.hosts.at("b").address, "192.0.2.7");
  EXPECT_EQ(plan.hosts.at("c").address, "c");
  EXPECT_THAT(plan.steps[0].seats, ElementsAre(Seat{"here", ""}));
}

TEST(Plans, NumberStepsAndSayWhatTheyWaitFor) {
  Plan plan = good_plan(
      "migrate: 1\nphases:\n"
      "  - name: One\n    steps:\n"
      "      - wait: 1s\n"
      "      - parallel:\n"
      "          - wait: 1s\n"
      "          - steps:\n              - wait: 1s\n              - wait: 1s\n"
      "          - parallel: []\n"
      "          - parallel:\n              - wait: 1s\n              - wait: 1s\n"
      "      - parallel: []\n"
      "      - steps: []\n"
      "      - wait: 1s\n"
      "      - parallel: [ { wait: 1s }, { wait: 1s } ]\n"
      "  - name: Empty\n    steps: []\n"
      "  - name: Two\n    steps:\n      - steps:\n          - wait: 1s\n");
  std::vector<std::string> numbers;
  std::vector<std::vector<int>> after;
  for (const Step& step : plan.steps) {
    numbers.push_back(step.number);
    after.push_back(step.after);
  }
  EXPECT_THAT(numbers, ElementsAre("1.1", "1.2.1", "1.2.2.1", "1.2.2.2", "1.2.4.1", "1.2.4.2", "1.5", "1.6.1", "1.6.2",
                                   "3.1.1"));
  EXPECT_THAT(
      after, ElementsAre(IsEmpty(), ElementsAre(0), ElementsAre(0), ElementsAre(2), ElementsAre(0), ElementsAre(0),
                         UnorderedElementsAre(1, 3, 4, 5), ElementsAre(6), ElementsAre(6), UnorderedElementsAre(7, 8)));
  EXPECT_EQ(plan.steps.back().phase, 2);
  EXPECT_EQ(plan.phases[2].number, "3");
  EXPECT_EQ(plan.find_step("1.2.2.1"), 2);
  EXPECT_EQ(plan.find_phase("tWO"), 2);
  EXPECT_EQ(plan.find_phase("four"), std::nullopt);
}

TEST(Plans, HandOnFailureAndHostsDown) {
  Plan plan = good_plan(
      "migrate: 1\nhosts: { a: , b: , c: }\ndefaults: { on_failure: stop, timeout: 5m }\nphases:\n"
      "  - name: P\n    host: a\n    steps:\n      - service.stop: x\n"
      "  - name: Q\n    host: a\n    on_failure: rollback-phase\n    steps:\n"
      "      - service.stop: x\n"
      "      - host: b\n        on_failure: rollback\n        steps:\n"
      "          - service.stop: x\n"
      "          - service.stop: x\n            host: c\n            on_failure: continue\n            timeout: 1h\n");
  ASSERT_EQ(plan.steps.size(), 4u);
  EXPECT_EQ(plan.steps[0].on_failure, OnFailure::stop);
  EXPECT_EQ(plan.steps[0].timeout, Milliseconds(300'000));
  EXPECT_EQ(plan.steps[1].on_failure, OnFailure::rollback_phase);
  EXPECT_EQ(plan.steps[1].seats[0].host, "a");
  EXPECT_EQ(plan.steps[2].on_failure, OnFailure::rollback);
  EXPECT_EQ(plan.steps[2].seats[0].host, "b");
  EXPECT_EQ(plan.steps[3].on_failure, OnFailure::proceed);
  EXPECT_EQ(plan.steps[3].seats[0].host, "c");
  EXPECT_EQ(plan.steps[3].timeout, Milliseconds(3'600'000));
}

TEST(Plans, KnowHowEachStepIsTakenBack) {
  Plan plan =
      good_plan(plan_with("      - service.stop: a\n        host: old\n"
                          "      - run: a\n        host: mirrors\n        undo: |\n          b\n          c\n"
                          "      - run: a\n        host: old\n        undo: { service.stop: x, host: new }\n"
                          "      - run: a\n        host: old\n        undo: nothing\n"
                          "      - run: a\n        host: old\n        irreversible: it is gone\n"
                          "      - wait: 1s\n"));
  EXPECT_EQ(plan.steps[0].undo.kind, Undo::Kind::native);
  EXPECT_EQ(plan.steps[1].undo.kind, Undo::Kind::call);
  EXPECT_EQ(plan.steps[1].undo.call.action, "run");
  EXPECT_EQ(boost::json::serialize(plan.steps[1].undo.call.params), R"({"command":"b\nc\n"})");
  EXPECT_THAT(plan.steps[1].undo.seats, ElementsAre(Seat{"m1", ""}, Seat{"m2", ""}));
  EXPECT_EQ(plan.steps[2].undo.call.action, "service.stop");
  EXPECT_THAT(plan.steps[2].undo.seats, ElementsAre(Seat{"new", ""}));
  EXPECT_EQ(plan.steps[3].undo.kind, Undo::Kind::nothing);
  EXPECT_EQ(plan.steps[4].undo.kind, Undo::Kind::irreversible);
  EXPECT_EQ(plan.steps[4].undo.why, "it is gone");
  EXPECT_EQ(plan.steps[5].undo.kind, Undo::Kind::nothing);
}

TEST(Plans, SeatChecksByTheirOwnHostTheirActionOrTheStep) {
  Step step = only_step(
      "      - service.stop: a\n        host: old\n        verify:\n"
      "          - run: \"! pgrep a\"\n"
      "          - port.check: 80\n            host: new\n            within: 30s\n"
      "          - http.check: { url: \"http://x\", within: 1m }\n");
  ASSERT_EQ(step.verify.size(), 3u);
  EXPECT_THAT(step.verify[0].seats, ElementsAre(Seat{"old", ""}));
  EXPECT_EQ(step.verify[0].within, Milliseconds(0));
  EXPECT_THAT(step.verify[1].seats, ElementsAre(Seat{"new", ""}));
  EXPECT_EQ(step.verify[1].within, Milliseconds(30'000));
  EXPECT_THAT(step.verify[2].seats, ElementsAre(Seat{"localhost", ""}));
  EXPECT_EQ(step.verify[2].within, Milliseconds(60'000));
  EXPECT_EQ(step.verify[2].call.params.if_contains("within"), nullptr);
}

TEST(Plans, FillTheDnsSectionIntoItsActions) {
  Step step = only_step("      - dns.set: { names: a.test, A: 192.0.2.1 }\n",
                        "secrets: { k: { file: ~/tsig } }\ndns: { server: ns1.test, key: \"${{ secrets.k }}\" }\n");
  EXPECT_EQ(boost::json::serialize(step.call.params),
            R"({"names":["a.test"],"A":["192.0.2.1"],"server":"ns1.test","key":{"$secret":"k"}})");
}

TEST(Plans, ResolveWhereSecretsComeFrom) {
  Plan plan = good_plan(
      "migrate: 1\nsecrets: { a: { file: ~/x }, b: { env: B }, c: { file: /abs } }\n"
      "phases: [ { name: p, steps: [] } ]\n");
  EXPECT_EQ(plan.secrets.at("a").file, "/home/me/x");
  EXPECT_EQ(plan.secrets.at("b").environment, "B");
  EXPECT_EQ(plan.secrets.at("c").file, "/abs");
}

TEST(Plans, ReadTheOtherModifiers) {
  Plan plan =
      good_plan(plan_with("      - name: Stop it\n        id: stop-it\n        service.stop: a\n        host: old\n"
                          "        retry: 5\n        downtime: begins\n"
                          "      - service.stop: a\n        host: old\n        retry: { times: 2, pause: 3s }\n"
                          "        downtime: ends\n        point_of_no_return: new data is lost\n"));
  EXPECT_EQ(plan.steps[0].name, "Stop it");
  EXPECT_EQ(plan.steps[0].retry.times, 5);
  EXPECT_EQ(plan.steps[0].downtime, Downtime::begins);
  EXPECT_EQ(plan.find_step("stop-it"), 0);
  EXPECT_EQ(plan.steps[1].name, "service.stop a");
  EXPECT_EQ(only_step("      - wait: 90s\n").name, "wait 1 min 30 s");
  EXPECT_EQ(plan.steps[1].retry.pause, Milliseconds(3000));
  EXPECT_EQ(plan.steps[1].downtime, Downtime::ends);
  EXPECT_EQ(plan.steps[1].point_of_no_return, "new data is lost");
}

TEST(Plans, TakeVariablesFromTheCommandLine) {
  std::string text = "migrate: 1\nvars: { a: , b: x, c: [p] }\nphases: [ { name: \"${{ vars.a }}\", steps: [] } ]\n";
  Plan plan = good_plan(text, {{"a", "given"}, {"c", "q,r"}});
  EXPECT_EQ(plan.phases[0].name, "given");
  EXPECT_EQ(plan.vars.at("b"), "x");
  EXPECT_EQ(plan.vars.at("c"), "q,r");
}

TEST(Plans, HaveADigestOfAllThatDecidesWhatTheyDo) {
  std::string text = plan_with("      - wait: \"${{ vars.t }}\"\n", "vars: { t: 1s }\n");
  std::string digest = good_plan(text).digest;
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(good_plan(text).digest, digest);
  EXPECT_NE(good_plan(text, {{"t", "2s"}}).digest, digest);
  EXPECT_NE(good_plan(text + "\n").digest, digest);
}

}  // namespace
}  // namespace migrate
