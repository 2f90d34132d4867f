// What is special about single actions; what all have in common is the contract's.
#include "steps/catalogue.h"
#include "tests/support/fake_system.h"

#include <gmock/gmock.h>

namespace migrate {

namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Probe and apply; "" or the Failure's text.
std::string outcome_of(FakeSystem& machine, const Action& action) {
  try {
    State before = action.probe(machine);
    boost::json::object outputs = action.apply(machine, before);
    action.verify(machine, before, outputs);
    return "";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

Change change_of(FakeSystem& machine, const std::string& action, const boost::json::object& params) {
  auto made = make_action(action, params, "");
  return made->plan(made->probe(machine));
}

Exit shell_said(int code, std::string out, std::string err = "") {
  Exit exit;
  exit.code = code;
  exit.out = std::move(out);
  exit.err = std::move(err);
  return exit;
}

}  // namespace

TEST(FileWrite, ShowsAUnifiedDiff) {
  FakeSystem machine;
  machine.add_file("/etc/a", "one\ntwo\nthree\n");
  Change change = change_of(machine, "file.write", {{"path", "/etc/a"}, {"content", "one\n2\nthree\n"}});
  EXPECT_EQ(change.mark, '~');
  EXPECT_THAT(change.details, ElementsAre("@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"));
}

TEST(FileWrite, HasNothingToDoWhenTheFileIsAsItShallBe) {
  FakeSystem machine;
  machine.add_file("/etc/a", "x", 0644);
  EXPECT_TRUE(
      change_of(machine, "file.write", {{"path", "/etc/a"}, {"content", "x"}, {"mode", "0644"}}).nothing_to_do());
  EXPECT_FALSE(
      change_of(machine, "file.write", {{"path", "/etc/a"}, {"content", "x"}, {"mode", "0600"}}).nothing_to_do());
}

TEST(FileWrite, KeepsWhatNotEverybodyMayReadOutOfTheState) {
  FakeSystem machine;
  machine.add_file("/etc/key", "top secret", 0640);
  auto action = make_action("file.write", {{"path", "/etc/key"}, {"content", "new"}}, "");
  State before = action->probe(machine);
  EXPECT_FALSE(before.at("file:/etc/key").as_object().contains("content"));
  EXPECT_THAT(action->plan(before).details, Not(Contains(HasSubstr("secret"))));
}

TEST(FileWrite, PlansWithASecretThatTheControllerHasNot) {
  FakeSystem machine;
  machine.add_file("/etc/key", "x");
  Change change = change_of(machine, "file.write", {{"path", "/etc/key"}, {"content", {{"$secret", "token"}}}});
  EXPECT_EQ(change.mark, '~');
}

TEST(FileWrite, NamesAUserThatIsMissing) {
  FakeSystem machine;
  auto action = make_action("file.write", {{"path", "/etc/a"}, {"content", "x"}, {"owner", "nobody-here"}}, "");
  EXPECT_THAT(action->plan(action->probe(machine)).details, Contains(HasSubstr("user:nobody-here")));
  EXPECT_THAT(outcome_of(machine, *action), HasSubstr("user:nobody-here"));
}

TEST(FileWrite, LeavesAFolderThatOthersUseByNow) {
  FakeSystem machine;
  auto action = make_action("file.write", {{"path", "/srv/new/a"}, {"content", "x"}}, "");
  State before = action->probe(machine);
  action->apply(machine, before);
  machine.add_file("/srv/new/b", "somebody else's");
  action->undo(machine, before);
  EXPECT_FALSE(machine.status("/srv/new/a"));
  EXPECT_EQ(machine.read("/srv/new/b"), "somebody else's");
}

TEST(Cron, CommentsOutJobsAndNothingElse) {
  FakeSystem machine;
  machine.add_file("/etc/cron.d/x", "SHELL = /bin/sh\n# c\n\n*/5 * * * * u job\n  @daily u job\n");
  std::int64_t mtime = machine.status("/etc/cron.d/x")->mtime_ns;
  auto action = make_action("cron.disable", {{"file", "/etc/cron.d/x"}}, "");
  EXPECT_EQ(outcome_of(machine, *action), "");
  EXPECT_EQ(machine.read("/etc/cron.d/x"),
            "SHELL = /bin/sh\n# c\n\n#migrate# */5 * * * * u job\n#migrate#   @daily u job\n");
  EXPECT_NE(machine.status("/etc/cron.d/x")->mtime_ns, mtime) << "cron wouldn't read the file again";
  EXPECT_TRUE(change_of(machine, "cron.disable", {{"file", "/etc/cron.d/x"}}).nothing_to_do());
}

TEST(Cron, EnablesWhatAnEarlierStepDisabled) {
  FakeSystem machine;
  const std::string jobs = "*/5 * * * * u job\n#0 * * * * u off\n";
  machine.add_file("/etc/cron.d/x", jobs);
  EXPECT_EQ(outcome_of(machine, *make_action("cron.disable", {{"file", "/etc/cron.d/x"}}, "")), "");
  EXPECT_EQ(outcome_of(machine, *make_action("cron.enable", {{"file", "/etc/cron.d/x"}}, "")), "");
  EXPECT_EQ(machine.read("/etc/cron.d/x"), jobs);
  EXPECT_TRUE(change_of(machine, "cron.enable", {{"file", "/etc/cron.d/x"}}).nothing_to_do());
}

TEST(Cron, TakesBackItsOwnLinesOnlyWhenSomebodyElseEditedTheFile) {
  FakeSystem machine;
  machine.add_file("/etc/cron.d/x", "1 * * * * u a\n");
  auto action = make_action("cron.disable", {{"file", "/etc/cron.d/x"}}, "");
  State before = action->probe(machine);
  action->apply(machine, before);
  machine.add_file("/etc/cron.d/x", machine.read("/etc/cron.d/x") + "2 * * * * u b\n");
  action->undo(machine, before);
  EXPECT_EQ(machine.read("/etc/cron.d/x"), "1 * * * * u a\n2 * * * * u b\n");
}

TEST(Cron, RefusesAFileThatChangedSinceTheProbe) {
  FakeSystem machine;
  machine.add_file("/etc/cron.d/x", "1 * * * * u a\n");
  auto action = make_action("cron.disable", {{"file", "/etc/cron.d/x"}}, "");
  State before = action->probe(machine);
  machine.add_file("/etc/cron.d/x", "2 * * * * u b\n");
  EXPECT_THROW(action->apply(machine, before), Failure);
  EXPECT_EQ(machine.read("/etc/cron.d/x"), "2 * * * * u b\n");
}

TEST(HostsAdd, PutsItsLineBeforeOneThatSaysOtherwise) {
  FakeSystem machine;
  machine.add_file("/etc/hosts", "127.0.0.1 localhost\n192.0.2.1 WWW.x.test\n");
  boost::json::object params{{"ip", "198.51.100.20"}, {"names", {"www.x.test"}}};
  EXPECT_EQ(outcome_of(machine, *make_action("hosts.add", params, "")), "");
  EXPECT_EQ(machine.read("/etc/hosts"),
            "127.0.0.1 localhost\n198.51.100.20 www.x.test # migrate\n192.0.2.1 WWW.x.test\n");
  EXPECT_TRUE(change_of(machine, "hosts.add", params).nothing_to_do());
}

TEST(HostsAdd, RemovesItsOwnLineOnlyWhenSomebodyElseEditedTheFile) {
  FakeSystem machine;
  machine.add_file("/etc/hosts", "127.0.0.1 localhost\n");
  auto action = make_action("hosts.add", {{"ip", "198.51.100.20"}, {"names", {"x.test"}}}, "");
  State before = action->probe(machine);
  action->apply(machine, before);
  machine.add_file("/etc/hosts", machine.read("/etc/hosts") + "192.0.2.9 other\n");
  action->undo(machine, before);
  EXPECT_EQ(machine.read("/etc/hosts"), "127.0.0.1 localhost\n192.0.2.9 other\n");
}

TEST(Service, FailsWithTheUnitsLastLinesInTheJournal) {
  FakeSystem machine;
  machine.add_service("pgbouncer", "inactive");
  machine.service("pgbouncer").refuses = [](FakeSystem&) { return std::string("FATAL cannot bind to port 6432"); };
  std::string error = outcome_of(machine, *make_action("service.start", {{"units", {"pgbouncer"}}}, ""));
  EXPECT_THAT(error, AllOf(HasSubstr("could not start pgbouncer"), HasSubstr("cannot bind to port 6432")));
}

TEST(Service, IsMissingAlreadyInTheProbe) {
  FakeSystem machine;
  EXPECT_THROW(make_action("service.stop", {{"units", {"nginx"}}}, "")->probe(machine), Failure);
}

TEST(Service, SaysWhenAUnitNeverSettles) {
  FakeSystem machine;
  machine.add_service("slow", "activating");
  EXPECT_THAT(outcome_of(machine, *make_action("service.restart", {{"units", {"slow"}}}, "")),
              HasSubstr("still activating"));
}

TEST(Service, NoticesAUnitThatDiesRightAfterItsStart) {
  FakeSystem machine;
  machine.add_service("x", "inactive");
  machine.add_program("systemctl", [](FakeSystem& self, const Command& command) {
    Exit exit = fake_programs().at("systemctl")(self, command);
    if (command.argv[1] == "start") self.service("x").active = "failed";
    return exit;
  });
  EXPECT_THAT(outcome_of(machine, *make_action("service.start", {{"units", {"x"}}}, "")), HasSubstr("is not up"));
}

TEST(ApacheSwitch, SwapsBackAtOnceWhenTheNewConfigurationIsBroken) {
  FakeSystem machine;
  machine.add_apache({}).add_file("/etc/apache2/sites-enabled/a.conf", "a");
  machine.add_file("/etc/apache2/sites-enabled.static/b.conf", "BROKEN");
  std::string first = machine.fingerprint();
  std::string error = outcome_of(machine, *make_action("apache.switch", {{"to", "static"}, {"keep_as", "django"}}, ""));
  EXPECT_THAT(error, AllOf(HasSubstr("Invalid command 'BROKEN'"), HasSubstr("taken back at once")));
  EXPECT_EQ(machine.fingerprint(), first);
}

TEST(ApacheSwitch, SwapsBackAtOnceWhenApacheDoesNotComeUp) {
  FakeSystem machine;
  machine.add_apache({}).add_file("/etc/apache2/sites-enabled/a.conf", "a");
  machine.add_file("/etc/apache2/sites-enabled.static/b.conf", "port taken");
  machine.service("apache2").refuses = [](FakeSystem& self) {
    return std::string(self.status("/etc/apache2/sites-enabled/b.conf") ? "could not bind to port 80" : "");
  };
  std::string first = machine.fingerprint();
  std::string error = outcome_of(machine, *make_action("apache.switch", {{"to", "static"}, {"keep_as", "django"}}, ""));
  EXPECT_THAT(error, AllOf(HasSubstr("could not bind to port 80"), HasSubstr("taken back at once")));
  EXPECT_EQ(machine.fingerprint(), first);
}

TEST(ApacheSwitch, TouchesNothingWhenThePresentConfigurationIsBroken) {
  FakeSystem machine;
  machine.add_apache({}).add_file("/etc/apache2/sites-enabled/a.conf", "BROKEN");
  machine.add_file("/etc/apache2/sites-enabled.static/b.conf", "b");
  std::string error = outcome_of(machine, *make_action("apache.switch", {{"to", "static"}, {"keep_as", "django"}}, ""));
  EXPECT_THAT(error, HasSubstr("before anything was done"));
  EXPECT_EQ(machine.writes(), 0);
}

TEST(ApacheSwitch, KnowsWhatAnEarlierStepOfThePlanWillWrite) {
  FakeSystem machine;
  machine.add_apache({});
  auto action = make_action("apache.switch", {{"to", "static"}, {"keep_as", "django"}}, "");
  State state = action->probe(machine);
  EXPECT_EQ(action->plan(state).mark, '?');
  auto writes = make_action("file.write", {{"path", "/etc/apache2/sites-enabled.static/a.conf"}, {"content", "x"}}, "");
  State predicted = writes->plan(writes->probe(machine)).after;
  for (auto& [resource, value] : state) {  // as the dry run does it: only over what the probe itself has named
    if (predicted.count(resource) != 0) value = predicted.at(resource);
  }
  Change change = action->plan(state);
  EXPECT_EQ(change.mark, '~');
  // And the next switch relies on what this one leaves.
  auto next = make_action("apache.switch", {{"to", "proxy"}, {"keep_as", "static"}}, "");
  machine.add_file("/etc/apache2/sites-enabled.proxy/a.conf", "x");
  state = overlaid(next->probe(machine), change.after);
  state["file:/etc/apache2/sites-enabled.proxy"] = boost::json::object{{"kind", "directory"}};
  EXPECT_EQ(next->plan(state).mark, '~');
  EXPECT_THAT(next->plan(state).details, Not(Contains(HasSubstr("in the way"))));
}

TEST(ApacheSwitch, RefusesToOverwriteWhatIsKeptAlready) {
  FakeSystem machine;
  machine.add_apache({}).add_file("/etc/apache2/sites-enabled.static/b.conf", "b");
  machine.add_file("/etc/apache2/sites-enabled.django/c.conf", "c");
  std::string first = machine.fingerprint();
  auto action = make_action("apache.switch", {{"to", "static"}, {"keep_as", "django"}}, "");
  State before = action->probe(machine);
  EXPECT_THAT(outcome_of(machine, *action), HasSubstr("exists already"));
  action->undo(machine, before);
  EXPECT_EQ(machine.fingerprint(), first);
}

TEST(ApacheModules, IsMissingAlreadyInTheProbe) {
  FakeSystem machine;
  machine.add_apache({"rewrite"});
  EXPECT_THAT(outcome_of(machine, *make_action("apache.modules", {{"modules", {"perl"}}}, "")),
              HasSubstr("no module perl"));
  machine.remove_program("a2enmod");
  EXPECT_THAT(outcome_of(machine, *make_action("apache.modules", {{"modules", {"rewrite"}}}, "")),
              HasSubstr("not installed"));
}

TEST(Run, FailsWithTheCommandsOwnLastWords) {
  FakeSystem machine;
  machine.add_program(
      "/bin/sh", [](FakeSystem&, const Command&) { return shell_said(3, "out\n", "first\ncannot open \x1b[31mit\n"); });
  auto action = make_action("run", {{"command", "do it"}}, "");
  try {
    action->apply(machine, {});
    FAIL() << "it should have failed";
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), AllOf(HasSubstr("exit code 3"), HasSubstr("cannot open \\x1b[31mit")));
    EXPECT_EQ(failure.command(), "do it");
    EXPECT_EQ(failure.exit_code(), 3);
  }
}

TEST(Run, GivesItsOutputAsUtf8) {
  FakeSystem machine;
  machine.add_program("/bin/sh",
                      [](FakeSystem&, const Command&) { return shell_said(0, std::string(70000, 'a') + "\xff"); });
  boost::json::object outputs = make_action("run", {{"command", "x"}}, "")->apply(machine, {});
  EXPECT_EQ(outputs.at("exit"), 0);
  EXPECT_THAT(std::string(outputs.at("stdout").as_string()), HasSubstr("a\\xff"));
  EXPECT_LT(outputs.at("stdout").as_string().size(), 66000u);
}

TEST(Run, DoesNothingWhenWhatItCreatesIsThere) {
  FakeSystem machine;
  machine.add_file("/etc/done", "");
  boost::json::object params{{"command", {"touch", "/etc/done"}}, {"creates", "/etc/done"}};
  EXPECT_TRUE(change_of(machine, "run", params).nothing_to_do());
  make_action("run", params, "")->apply(machine, {});
  EXPECT_TRUE(machine.commands().empty());
}

TEST(Run, RunsAsACheckInVerifyOnly) {
  FakeSystem machine;
  int code = 0;
  machine.add_program("/bin/sh", [&](FakeSystem&, const Command&) { return shell_said(code, "saw this\n"); });
  auto check = make_action("run", {{"command", "test"}, {"as_check", true}}, "");
  check->verify(machine, {}, {});
  EXPECT_EQ(machine.writes(), 0);
  code = 1;
  EXPECT_THROW(check->verify(machine, {}, {}), Failure);
  auto step = make_action("run", {{"command", "test"}}, "");
  step->verify(machine, {}, {});
}

}  // namespace migrate
