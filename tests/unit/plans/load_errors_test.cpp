// What a wrong plan is told.
#include "plans/load.h"
#include "tests/unit/plans/small_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace migrate {
namespace {

using ::testing::HasSubstr;

std::string plan_errors(const std::string& text, const std::map<std::string, std::string>& vars = {}) {
  Loaded loaded = load_small(text, vars);
  EXPECT_EQ(loaded.plan.has_value(), !loaded.diagnostics.has_errors());
  return loaded.diagnostics.render();
}

std::string step_errors(const std::string& step, const std::string& above = "") {
  return plan_errors(plan_with(step, above));
}

std::string text_of_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// tests/golden/plans/X.yaml gives the text of X.txt. With UPDATE_GOLDEN set, X.txt is written instead.
TEST(PlanErrors, AreTheGoldenTexts) {
  std::filesystem::path folder = std::filesystem::path(TEST_SOURCE_DIR) / "golden" / "plans";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    std::filesystem::path golden = entry.path();
    golden.replace_extension(".txt");
    std::string found = plan_errors(text_of_file(entry.path()));
    if (std::getenv("UPDATE_GOLDEN")) std::ofstream(golden) << found;
    EXPECT_EQ(found, text_of_file(golden)) << entry.path();
  }
  EXPECT_GE(files, 3);
}

TEST(PlanErrors, SayNotYetSupportedForWhatLaterVersionsDo) {
  for (const char* modifier : {"each: [a]", "if: \"true\"", "unreachable: { wait: 1m }", "require: 1", "serial: 2",
                               "become: root", "env: { A: b }", "dry_run: x", "confirm_within: 2m",
                               "approve: { message: x }", "temporarily: { service.stop: y }"}) {
    std::string word = std::string(modifier).substr(0, std::string(modifier).find(':'));
    std::string errors =
        step_errors(std::string("      - service.stop: x\n        host: old\n        ") + modifier + "\n");
    EXPECT_THAT(errors, HasSubstr("plan.yaml:9:9: \"" + word + "\"")) << modifier;
    EXPECT_THAT(errors, HasSubstr("not yet supported")) << modifier;
  }
  EXPECT_THAT(step_errors("      - notify: x\n"),
              HasSubstr("plan.yaml:7:9: the action \"notify\" is not yet supported"));
  EXPECT_THAT(step_errors("      - worker.resize: x\n"),
              HasSubstr("the action \"worker.resize\" is not yet supported"));
  EXPECT_EQ(step_errors("      - wait: { ttl_of: x }\n"),
            "plan.yaml:7:17: \"ttl_of\" of wait is not yet supported\n"
            "    7 |       - wait: { ttl_of: x }\n"
            "      |                 ^^^^^^\n");
  for (const char* section : {"probes", "limits", "notifiers"})
    EXPECT_THAT(step_errors("      - wait: 1s\n", std::string(section) + ": {}\n"),
                HasSubstr("plan.yaml:2:1: \"" + std::string(section) + "\" is not yet supported"));
  EXPECT_THAT(step_errors("      - timeout: 1s\n        parallel: []\n"),
              HasSubstr("\"timeout\" beside \"parallel\" is not yet"));
  EXPECT_THAT(step_errors("      - rsync: { from: \"old:/a\", to: \"old:/b\" }\n"),
              HasSubstr("rsync from old to itself is not yet supported"));
  EXPECT_THAT(step_errors("      - run: echo ${{ secrets.k }}\n        host: old\n        undo: nothing\n",
                          "secrets: { k: { env: K } }\n"),
              HasSubstr("plan.yaml:8:23: a secret here is not yet supported"));
}

TEST(PlanErrors, SayWhatAFieldExpectsAndWhatWasFound) {
  auto of = [](const std::string& field) {
    return step_errors("      - all.types: { " + field + " }\n        host: old\n");
  };
  EXPECT_THAT(of("duration: [1s]"), HasSubstr("plan.yaml:7:32: expected a duration such as 90s, found a list"));
  EXPECT_THAT(of("duration: soon"), HasSubstr("expected a duration such as 90s, found \"soon\""));
  EXPECT_THAT(of("boolean: yes"), HasSubstr("expected true or false, found \"yes\""));
  EXPECT_THAT(of("integer: 1.5"), HasSubstr("expected a whole number, found \"1.5\""));
  EXPECT_THAT(of("integer: \"${{ env.CITY }}\""), HasSubstr("expected a whole number, found \"Bern\""));
  EXPECT_THAT(of("size: big"), HasSubstr("expected a size such as 20M, found \"big\""));
  EXPECT_THAT(of("mode: rwx"), HasSubstr("expected a mode such as \"0640\", found \"rwx\""));
  EXPECT_THAT(of("choice: fsat"), HasSubstr("^^^^ did you mean fast?"));
  EXPECT_THAT(of("text: {a: b}"), HasSubstr("expected a text, found a map"));
  EXPECT_THAT(of("text:"), HasSubstr("expected a text, found nothing"));
  EXPECT_THAT(of("texts: []"), HasSubstr("expected at least one text"));
  EXPECT_THAT(of("file: files/b.txt"), HasSubstr("the file \"files/b.txt\" cannot be read"));
  EXPECT_THAT(of("path: \"odl:/x\""), HasSubstr("plan.yaml:7:29: unknown host \"odl\""));
  EXPECT_THAT(of("path: \"old:x\""), HasSubstr("paths on hosts begin with \"/\""));
  EXPECT_THAT(of("database: postgres://nwe/db"), HasSubstr("plan.yaml:7:43: unknown host \"nwe\""));
  EXPECT_THAT(of("database: postgres://me:secret@new/db"), HasSubstr("a password does not belong in a plan"));
  EXPECT_THAT(of("database: mysql://new/db"), HasSubstr("expected a database such as postgres://old/libravatar"));
  EXPECT_THAT(of("on: mirrors"), HasSubstr("it is a group; this needs one host"));
  EXPECT_THAT(of("address: 192.0.2"), HasSubstr("expected an IPv4 or IPv6 address, found \"192.0.2\""));
  EXPECT_THAT(of("names: [a..b]"), HasSubstr("\"a..b\" is no DNS name"));
  EXPECT_THAT(of("command: \" \""), HasSubstr("expected a command"));
  EXPECT_THAT(of("txet: a"), HasSubstr("all.types has no field \"txet\"\n    7 |       - all.types: { txet: a }\n"
                                       "      |                      ^^^^ did you mean text?"));
}

TEST(PlanErrors, NameMissingAndContradictingFields) {
  EXPECT_THAT(step_errors("      - file.write: { content: x }\n        host: old\n"),
              HasSubstr("file.write needs \"path\""));
  EXPECT_THAT(step_errors("      - file.write: { path: /x }\n        host: old\n"),
              HasSubstr("file.write needs one of: content, from"));
  EXPECT_THAT(step_errors("      - file.write: { path: /x, content: a, from: files/a.txt }\n        host: old\n"),
              HasSubstr("file.write takes only one of: content, from"));
  EXPECT_THAT(step_errors("      - file.write: /x\n        host: old\n"),
              HasSubstr("expected the fields of file.write (a map)"));
  EXPECT_THAT(step_errors("      - dns.set: { names: a.b }\n"), HasSubstr("dns.set needs a \"dns:\" section"));
}

TEST(PlanErrors, TellTheThreeWaysOfTakingACommandBack) {
  EXPECT_THAT(
      step_errors("      - run: reboot\n        host: old\n"),
      HasSubstr("a \"run\" step must say how it is taken back\n    7 |       - run: reboot\n      |         ^^^ add "
                "\"undo:\" with a command or an action, or \"undo: nothing\", or \"irreversible: WHY\"\n"));
  EXPECT_THAT(step_errors("      - run: a\n        host: old\n        undo: nothign\n"),
              HasSubstr("did you mean nothing?"));
  EXPECT_THAT(step_errors("      - run: a\n        host: old\n        undo: nothing\n        irreversible: x\n"),
              HasSubstr("either undone or irreversible"));
  EXPECT_THAT(step_errors("      - run: a\n        host: old\n        undo: { http.check: { url: x } }\n"),
              HasSubstr("http.check takes nothing back"));
}

TEST(PlanErrors, TellWhereAHostIsMissingOrTooMuch) {
  EXPECT_THAT(step_errors("      - service.stop: x\n"), HasSubstr("plan.yaml:7:9: service.stop needs a host"));
  EXPECT_THAT(step_errors("      - service.stop: x\n        host: mirrros\n"), HasSubstr("did you mean mirrors?"));
  EXPECT_THAT(step_errors("      - rsync: { from: \"old:/a\", to: \"new:/a\" }\n        host: old\n"),
              HasSubstr("rsync takes its hosts from \"from\" and \"to\""));
  EXPECT_THAT(step_errors("      - rsync: { from: /a, to: \"new:/a\" }\n"),
              HasSubstr("rsync needs a host in \"from\""));
  EXPECT_THAT(step_errors("      - wait: 1s\n        host: old\n"), HasSubstr("wait runs on no host"));
  EXPECT_THAT(
      step_errors("      - rsync: { from: \"old:/a\", to: \"new:/a\" }\n        verify: [ { port.check: 1 } ]\n"),
      HasSubstr("port.check needs a host"));
}

TEST(PlanErrors, TellWhatAStepIs) {
  EXPECT_THAT(step_errors("      - name: x\n"), HasSubstr("a step has exactly one action, and this one has none"));
  EXPECT_THAT(step_errors("      - wait: 1s\n        checklist: a\n"),
              HasSubstr("a step has one action, and \"wait\" is here already"));
  EXPECT_THAT(step_errors("      - wait\n"), HasSubstr("expected a step (a map), found \"wait\""));
  EXPECT_THAT(step_errors("      - wait: 1s\n        tiemout: 1s\n"), HasSubstr("unknown key \"tiemout\""));
  EXPECT_THAT(step_errors("      - wait: 1s\n        id: a\n      - wait: 1s\n        id: a\n"),
              HasSubstr("the id \"a\" is taken"));
  EXPECT_THAT(step_errors("      - wait: 1s\n        verify: [ { service.stop: x, host: old } ]\n"),
              HasSubstr("service.stop does not check anything"));
  EXPECT_THAT(step_errors("      - wait: 1s\n        timeout: 0s\n"), HasSubstr("longer than nothing"));
}

TEST(PlanErrors, TellAboutVariables) {
  std::string text = "migrate: 1\nvars: { ip: , city: x }\nphases: [ { name: \"${{ vars.ip }}\", steps: [] } ]\n";
  EXPECT_EQ(plan_errors(text),
            "plan.yaml:2:9: the variable \"ip\" has no value\n"
            "    2 | vars: { ip: , city: x }\n"
            "      |         ^^ give it one with --var ip=...\n");
  EXPECT_EQ(plan_errors(text, {{"ip", "1"}, {"ctiy", "2"}}),
            "plan.yaml: --var \"ctiy\": the plan has no variable of that name\n      did you mean city?\n");
}

TEST(PlanErrors, PointIntoBlocksAndLongTexts) {
  EXPECT_THAT(step_errors("      - run: |\n          a\n          b ${{ vars.x }} ${{ vars.y }}\n        host: old\n   "
                          "     undo: nothing\n",
                          "vars: { x: 1 }\n"),
              HasSubstr("plan.yaml:10:36: undefined variable \"y\""));
  EXPECT_THAT(step_errors("      - run: echo ${{ vars.x\n        host: old\n        undo: nothing\n"),
              HasSubstr("plan.yaml:7:19: this \"${{\" is not closed"));
}

TEST(PlanErrors, AreFewEvenForHostilePlans) {
  std::string many = "migrate: 1\nphases:\n  - name: x\n    steps:\n";
  for (int i = 0; i < 20'000; ++i) many += "      - wiat: 1s\n";
  std::string doubling = "migrate: 1\nvars:\n  a0: " + std::string(1000, 'x') + "\n";
  for (int i = 1; i < 60; ++i) {
    std::string before = "${{ vars.a" + std::to_string(i - 1) + " }}";
    doubling += "  a" + std::to_string(i) + ": \"" + before + before + "\"\n";
  }
  std::string unclosed = "migrate: 1\nname: \"";
  for (int i = 0; i < 100'000; ++i) unclosed += "${{ vars.x }}";
  auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(plan_errors(many), HasSubstr("more than 200 errors"));
  EXPECT_THAT(plan_errors(doubling), HasSubstr("expand to more than 16 MiB"));
  EXPECT_THAT(plan_errors(unclosed + "\"\n"), HasSubstr("undefined variable"));
  std::string steps = "      - &s { wait: 1s }\n";
  for (int i = 0; i < 6000; ++i) steps += "      - *s\n";
  EXPECT_THAT(step_errors(steps), HasSubstr("more than 5000 steps"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << "a hang, not a slow machine";
}

TEST(PlanErrors, OfAFileThatCannotBeReadAreDiagnosticsToo) {
  Loaded none = load_plan_file("/nonexistent/plan.yaml", {}, small_table());
  EXPECT_FALSE(none.plan);
  EXPECT_EQ(none.diagnostics.render(), "/nonexistent/plan.yaml: the plan cannot be read: No such file or directory\n");
  EXPECT_THAT(load_plan_file("/", {}, small_table()).diagnostics.render(), HasSubstr("it is a folder"));
  EXPECT_THAT(load_plan_file("/dev/zero", {}, small_table()).diagnostics.render(), HasSubstr("more than 4 MiB"));
}

}  // namespace
}  // namespace migrate
