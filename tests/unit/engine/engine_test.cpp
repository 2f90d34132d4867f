#include "tests/unit/engine/scenario.h"

#include <boost/json/parse.hpp>

namespace migrate::scenario {
namespace {

constexpr const char* two_commands = R"yaml(
migrate: 1
name: two
hosts: { old: old.example, new: new.example }
phases:
  - name: First
    host: old
    steps:
      - run: touch /a
        undo: rm /a
  - name: Second
    host: new
    on_failure: rollback-phase
    steps:
      - run: touch /b
        undo: rm /b
      - run: touch /c
        undo: rm /c
)yaml";

TEST(Engine, CarriesStepsInTheOrderOfTheDocument) {
  Scenario run(two_commands);
  run.start();
  EXPECT_EQ(run.told(),
            "run_started\n"
            "  > probe 1.1 old\n"
            "probed 1.1 old\n"
            "applying 1.1 old\n"
            "  > apply 1.1 old\n"
            "applied 1.1 old\n"
            "verified 1.1 old\n"
            "  > probe 2.1 new\n"
            "probed 2.1 new\n"
            "applying 2.1 new\n"
            "  > apply 2.1 new\n"
            "applied 2.1 new\n"
            "verified 2.1 new\n"
            "  > probe 2.2 new\n"
            "probed 2.2 new\n"
            "applying 2.2 new\n"
            "  > apply 2.2 new\n"
            "applied 2.2 new\n"
            "verified 2.2 new\n"
            "run_finished\n"
            "exit 0\n");
}

TEST(Engine, BacksOutOfThePhaseOfAFailedStepWithTheFailedStepFirst) {
  Scenario run(two_commands);
  run.fails("apply 2.2 new", "no space left");
  run.start();
  const std::string told = run.told();
  const std::string expected =
      "failed 2.2 new: no space left\n"
      "rollback_begun\n"
      "undoing 2.2 new\n"
      "  > probe 2.2/undo new\n"
      "  > apply 2.2/undo new\n"
      "undone 2.2 new\n"
      "undoing 2.1 new\n"
      "  > probe 2.1/undo new\n"
      "  > apply 2.1/undo new\n"
      "undone 2.1 new\n"
      "rollback_ended\n"
      "run_finished\n"
      "exit 3\n";
  EXPECT_EQ(told.substr(told.find("failed 2.2")), expected);
  EXPECT_TRUE(run.engine->state().step(0).touched()) << "the phase before stays in effect";
}

TEST(Engine, GoesForwardAgainAfterARollback) {
  Scenario run(two_commands);
  run.fails("apply 2.2 new", "no space left");
  run.start();
  run.crash();
  run.start();
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.effects["apply 1.1 old"], 1);
  EXPECT_EQ(run.effects["apply 2.1 new"], 2) << "done, undone, done again";
}

TEST(Engine, SaysThatARollbackIsIncompleteAndGoesOnWithTheRest) {
  Scenario run(two_commands);
  run.fails("apply 2.2 new", "no space left");
  run.fails("apply 2.2/undo new", "still no space left");
  run.start();
  EXPECT_EQ(run.exit, 4);
  EXPECT_EQ(run.effects["apply 2.1/undo new"], 1);
  EXPECT_TRUE(run.engine->state().step(2).touched());
  run.told();
  run.crash();
  run.roll_back({2});
  EXPECT_EQ(run.exit, 3) << run.told();
}

TEST(Engine, AsksForAJobUnderTheSameIdAfterACrashSoThatNothingRunsTwice) {
  Scenario run(two_commands);
  run.never_answers("apply 2.1 new");
  run.start();
  run.told();
  run.crash();
  Scenario again(two_commands);
  again.journal = run.journal;
  again.reopen();
  again.start();
  const std::string told = again.told();
  EXPECT_EQ(told.substr(0, told.find("applied")), "run_resumed\n  > apply 2.1 new\n");
  EXPECT_EQ(again.exit, 0);
}

TEST(Engine, NeverRepeatsACommandThatMayHaveRun) {
  Scenario run(two_commands);
  run.is_interrupted("apply 2.1 new");
  run.start();
  EXPECT_NE(run.told().find("unknown 2.1 new: its process is gone\n? 2.1\n"), std::string::npos);
  EXPECT_EQ(run.exit, -1) << "a person must say";
  run.answer(1, "done");
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.effects["apply 2.1 new"], 0);
}

TEST(Engine, RepeatsACommandThatMayHaveRunWhenAPersonSaysSo) {
  Scenario run(two_commands);
  run.is_interrupted("apply 2.1 new");
  run.start();
  run.answer(1, "retry");
  EXPECT_EQ(run.exit, 0) << run.told();
  EXPECT_EQ(run.effects["apply 2.1 new"], 1);
}

TEST(Engine, PausesWithFiveWhenNobodyCanSayWhetherACommandHasRun) {
  Scenario run(two_commands);
  run.is_lost("apply 2.1 new");
  run.start();
  run.answer(1, "pause");
  EXPECT_EQ(run.exit, 5);
  run.crash();
  run.is_interrupted("apply 2.1 new");
  run.start();
  EXPECT_NE(run.told().find("? 2.1"), std::string::npos) << "the ledger was asked, then the person again";
  EXPECT_EQ(run.effects["apply 2.1 new"], 0);
}

TEST(Engine, LetsTheChecksDecideAboutACommandThatMayHaveRun) {
  Scenario run(R"yaml(
migrate: 1
name: checked
hosts: { old: old.example }
phases:
  - name: One
    host: old
    steps:
      - run: touch /a
        undo: rm /a
        verify: [ { run: test -e /a } ]
)yaml");
  run.is_interrupted("apply 1.1 old");
  run.start();
  const std::string told = run.told();
  EXPECT_NE(told.find("unknown 1.1 old: its process is gone\n  > verify 1.1/check1 old\nverified 1.1 old\n"),
            std::string::npos)
      << told;
  EXPECT_EQ(run.exit, 0);
}

constexpr const char* services = R"yaml(
migrate: 1
name: services
hosts: { a: a.example, b: b.example }
groups: { both: [a, b] }
phases:
  - name: One
    steps:
      - service.stop: pgbouncer
        host: both
        retry: 1
)yaml";

TEST(Engine, DoesNothingWhereThereIsNothingToDo) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.start();
  EXPECT_EQ(run.exit, 0) << run.told();
  EXPECT_EQ(run.effects["apply 1.1 a"], 1);
  EXPECT_EQ(run.effects["apply 1.1 b"], 0);
  EXPECT_FALSE(run.engine->state().step(0).seats[1].touched) << "and so there is nothing to undo";
}

TEST(Engine, AppliesAnActionOfOursAgainAfterAnInterruptionBecauseItEndsInTheSameState) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.never_answers("apply 1.1 a");
  run.start();
  Scenario again(services);
  again.journal = run.journal;
  again.reopen();
  again.is_interrupted("apply 1.1 a");
  again.start();
  EXPECT_EQ(again.exit, 0) << again.told();
  EXPECT_EQ(again.effects["apply 1.1 a"], 1);
}

TEST(Engine, UndoKeepsTheStateThatWasFoundFirst) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.fails("apply 1.1 a", "it would not stop");
  run.start();
  run.pass(std::chrono::seconds(2));
  EXPECT_EQ(run.exit, 0) << run.told();
  const auto& before = run.engine->state().step(0).seats[0].before;
  EXPECT_EQ(before.at("service:pgbouncer").at("active").as_string(), "active");
  EXPECT_EQ(run.engine->state().step(0).seats[0].attempt, 2);
}

TEST(Engine, ComparesWhatAnUndoLeftWithTheStateBefore) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.start();
  run.crash();
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "failed", "enabled": "enabled"}})");
  run.roll_back({0});
  EXPECT_EQ(run.exit, 4);
  EXPECT_NE(run.told().find("undo_failed 1.1 a: undone, but not everything is as it was before"), std::string::npos);
}

TEST(Engine, RunsStepsOfAParallelSideBySideAndWaitsForAll) {
  Scenario run(R"yaml(
migrate: 1
name: side by side
hosts: { old: old.example, new: new.example }
phases:
  - name: One
    steps:
      - parallel:
          - { run: copy a, host: old, undo: nothing }
          - { run: copy b, host: new, undo: nothing }
      - { run: after, host: new, undo: nothing }
)yaml");
  run.start();
  const std::string told = run.told();
  EXPECT_LT(told.find("probe 1.1.2 new"), told.find("apply 1.1.1 old"));
  EXPECT_GT(told.find("probe 1.2 new"), told.find("verified 1.1.1 old"));
  EXPECT_GT(told.find("probe 1.2 new"), told.find("verified 1.1.2 new"));
  EXPECT_EQ(run.exit, 0);
}

TEST(Engine, WaitsUntilAnAbsoluteTimeThatSurvivesACrash) {
  Scenario run(R"yaml(
migrate: 1
name: patience
phases:
  - name: One
    steps:
      - wait: 1h
)yaml");
  run.start();
  EXPECT_EQ(run.exit, -1);
  run.pass(std::chrono::minutes(59));
  EXPECT_EQ(run.exit, -1);
  run.crash();
  run.start();
  run.pass(std::chrono::minutes(1));
  EXPECT_EQ(run.exit, 0) << run.told();
}

TEST(Engine, PausesAfterWhatRunsAndGoesOnLater) {
  Scenario run(R"yaml(
migrate: 1
name: patience
hosts: { old: old.example }
phases:
  - name: One
    steps:
      - checklist: [ everything reviewed ]
      - { run: go, host: old, undo: nothing }
)yaml");
  run.start();
  EXPECT_NE(run.told().find("? 1.1"), std::string::npos);
  run.pause();
  EXPECT_EQ(run.exit, 130);
  run.crash();
  run.start();
  EXPECT_NE(run.told().find("? 1.1"), std::string::npos) << "asked again";
  run.answer(0, "yes");
  EXPECT_EQ(run.exit, 0);
}

TEST(Engine, GoesOnAfterAFailureWhenThePlanSaysContinue) {
  Scenario run(R"yaml(
migrate: 1
name: go on
hosts: { old: old.example }
phases:
  - name: One
    host: old
    steps:
      - { run: first, undo: nothing, on_failure: continue }
      - { run: second, undo: nothing }
)yaml");
  run.fails("apply 1.1 old", "no");
  run.start();
  EXPECT_EQ(run.exit, 0) << run.told();
  EXPECT_EQ(run.effects["apply 1.2 old"], 1);
}

TEST(Engine, StopsWithTwoWhenThePlanSaysStop) {
  Scenario run(R"yaml(
migrate: 1
name: stop
hosts: { old: old.example }
phases:
  - name: One
    host: old
    on_failure: stop
    steps:
      - { run: first, undo: nothing }
      - { run: second, undo: nothing }
)yaml");
  run.fails("apply 1.1 old", "no");
  run.start();
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.effects["apply 1.2 old"], 0);
}

TEST(Engine, ResumesARollbackThatWasInterrupted) {
  Scenario run(two_commands);
  run.fails("apply 2.2 new", "no space left");
  run.never_answers("apply 2.2/undo new");
  run.start();
  EXPECT_EQ(run.exit, -1);
  Scenario again(two_commands);
  again.journal = run.journal;
  again.reopen();
  again.start();
  EXPECT_EQ(again.exit, 3) << again.told();
  EXPECT_FALSE(again.engine->state().step(1).touched());
}

// The journal is written before anything is done: cut anywhere, what follows ends like the undisturbed run.
TEST(Engine, EndsTheSameAfterACrashAtEveryRecord) {
  Scenario whole(two_commands);
  whole.start();
  for (std::size_t cut = 0; cut <= whole.journal.size(); ++cut) {
    Scenario run(two_commands);
    run.journal.assign(whole.journal.begin(), whole.journal.begin() + static_cast<std::ptrdiff_t>(cut));
    run.reopen();
    run.start();
    EXPECT_EQ(run.exit, 0) << "cut after record " << cut << "\n" << run.told();
    EXPECT_TRUE(run.engine->state().everything_done());
  }
}

TEST(Engine, AsksTheLedgerAboutAJobThatWasLostAndNeverBeginsASecondOneBesideIt) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.is_lost("apply 1.1 a");
  run.is_lost("apply 1.1 a");
  run.start();
  run.pass(std::chrono::seconds(2));  // its retry
  run.crash();
  run.told();
  const int attempt = run.engine->state().step(0).seats[0].attempt;
  run.start();
  EXPECT_EQ(run.engine->state().step(0).seats[0].attempt, attempt) << run.told();
}

TEST(Engine, WaitsForWhatMayStillRunBeforeItIsUndone) {
  Scenario run(two_commands);
  run.never_answers("apply 2.1 new");
  run.start();
  run.told();
  run.crash();
  run.never_answers("settle apply 2.1 new");
  run.roll_back({1});
  EXPECT_EQ(run.told(), "*** crash\nrollback_begun\nundoing 2.1 new\n  > settle apply 2.1 new\n")
      << "and no undo beside it";
}

TEST(Engine, GoesThroughWaitsAndChecklistsAgainAfterARollback) {
  Scenario run(R"yaml(
migrate: 1
name: in order
hosts: { old: old.example }
phases:
  - name: One
    host: old
    on_failure: rollback
    steps:
      - { run: lower the ttl, undo: put it back }
      - wait: 1h
      - checklist: [ everything reviewed ]
      - { run: cut over, undo: cut back }
)yaml");
  run.fails("apply 1.4 old", "no");
  run.start();
  run.pass(std::chrono::hours(1));
  run.answer(2, "yes");
  EXPECT_EQ(run.exit, 3) << run.told();
  run.crash();
  run.told();
  run.start();
  EXPECT_EQ(run.told().find("1.4"), std::string::npos) << "not before the wait is over again";
  run.pass(std::chrono::hours(1));
  EXPECT_NE(run.told().find("? 1.3"), std::string::npos);
  run.answer(2, "yes");
  EXPECT_EQ(run.exit, 0);
}

TEST(Engine, UndoesOnlyWhereSomethingWasDone) {
  Scenario run(R"yaml(
migrate: 1
name: partly
hosts: { a: a.example, b: b.example }
groups: { both: [a, b] }
phases:
  - name: One
    host: both
    steps:
      - { run: { command: make it, creates: /x }, undo: rm -rf /x }
)yaml");
  run.finds("1.1 b", R"({"file:/x": {"kind": "file"}})");
  run.start();
  EXPECT_EQ(run.exit, 0) << run.told();
  run.crash();
  run.told();
  run.fails("apply 1.1/undo a", "busy");
  run.roll_back({0});
  EXPECT_EQ(run.exit, 4);
  run.crash();
  run.roll_back({0});
  EXPECT_EQ(run.exit, 3);
  EXPECT_EQ(run.effects["apply 1.1/undo a"], 1);
  EXPECT_EQ(run.effects["apply 1.1/undo b"], 0) << run.told();
}

TEST(Engine, RunsACommandAgainThatHasNotRunAlsoWhenItAsksBeforeEachStep) {
  Scenario run(two_commands);
  run.engine = std::make_unique<Engine>(run.plan, EngineSettings{.run = "7f3a", .step_by_step = true}, run.journal);
  run.is_interrupted("apply 1.1 old");
  run.start();
  run.answer(0, "yes");
  run.answer(0, "retry");
  EXPECT_EQ(run.effects["apply 1.1 old"], 1) << run.told();
}

TEST(Engine, AsksBeforeAFailureTakesItBackBehindAPointOfNoReturn) {
  Scenario run(R"yaml(
migrate: 1
name: no return
hosts: { old: old.example }
phases:
  - name: One
    host: old
    on_failure: rollback
    steps:
      - { run: open the door, undo: close it, point_of_no_return: users write to the new database }
      - { run: next, undo: back }
)yaml");
  run.fails("apply 1.2 old", "no");
  run.start();
  EXPECT_EQ(run.exit, -1);
  EXPECT_NE(run.told().find("? 1.2"), std::string::npos);
  run.answer(1, "pause");
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.effects["apply 1.1/undo old"], 0);
}

TEST(Engine, TreatsAnActionOfOursThatMayHaveRunAsFailedSoThatThePlanDecides) {
  Scenario run(R"yaml(
migrate: 1
name: decides
hosts: { a: a.example }
phases:
  - name: One
    host: a
    on_failure: rollback
    steps: [ { service.stop: pgbouncer } ]
)yaml");
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.is_interrupted("apply 1.1 a");
  run.start();
  EXPECT_EQ(run.exit, 3) << run.told();
}

TEST(Engine, ForgetsAFailedProbeWhenTheRetryFindsNothingToDo) {
  Scenario run(services);
  run.finds("1.1 a", R"({"service:pgbouncer": {"active": "active", "enabled": "enabled"}})");
  run.finds("1.1 b", R"({"service:pgbouncer": {"active": "inactive", "enabled": "enabled"}})");
  run.fails("probe 1.1 b", "no answer");
  run.start();
  run.pass(std::chrono::seconds(2));
  EXPECT_EQ(run.exit, 0) << run.told();
}

TEST(Engine, EndsTheTurnThatEndsTheRun) {
  Scenario run(R"yaml(
migrate: 1
name: at once
hosts: { old: old.example }
phases:
  - name: One
    host: old
    steps:
      - { run: first, undo: nothing }
      - { run: second, undo: nothing }
)yaml");
  run.fails("apply 1.2 old", "no");
  run.start();
  run.told();
  run.answer(1, "start");
  EXPECT_TRUE(run.told().ends_with("run_finished\nexit 3\n"));
}

TEST(Engine, TakesBackWhatThePlanSaysAlsoWhenAPauseWasAskedFor) {
  Scenario run(two_commands);
  run.never_answers("apply 2.2 new");
  run.start();
  run.pause();
  run.say_outcome("apply 2.2 new", "no space left");
  EXPECT_EQ(run.exit, 3) << run.told();
  EXPECT_EQ(run.effects["apply 2.1/undo new"], 1);
}

}  // namespace
}  // namespace migrate::scenario
