#include "runner/report/words.h"

#include "runner/report/report.h"

#include <gtest/gtest.h>

namespace migrate {
namespace {

Plan a_plan() {
  Plan plan;
  plan.name = "move";
  plan.phases.push_back({.number = "1", .name = "Prepare DNS"});
  Step ttl;
  ttl.number = "1.1";
  ttl.name = "Lower the TTL of the bare domain";
  ttl.call.action = "dns.ttl";
  ttl.seats = {{"laptop", ""}};
  plan.steps.push_back(ttl);
  Step opaque = ttl;
  opaque.number = "1.2";
  opaque.name = "Something of one's own";
  opaque.call.action = "run";
  opaque.undo.kind = Undo::Kind::call;
  opaque.undo.call.params = {{"command", "rm -rf /srv/x\necho gone"}};
  opaque.point_of_no_return = "From here on users write to the new database.";
  plan.steps.push_back(opaque);
  return plan;
}

std::vector<DryRun::StepPreview> previews() {
  DryRun::StepPreview ttl;
  ttl.step = 0;
  DryRun::SeatPreview seat;
  seat.seat = {"laptop", ""};
  seat.change.mark = '~';
  seat.change.summary = "1 record set";
  seat.change.details = {"libravatar.test.  A  43200 -> 3600    192.0.2.10"};
  seat.change.undo = "put 43200 back";
  ttl.seats = {seat};
  DryRun::StepPreview opaque;
  opaque.step = 1;
  seat.change = {};
  seat.change.mark = '?';
  opaque.seats = {seat};
  return {ttl, opaque};
}

TEST(Words, DryRunShowsTheChangeTheUndoThePointOfNoReturnAndTheCoverage) {
  EXPECT_EQ(dry_run_text(a_plan(), previews()),
            " 1  Prepare DNS\n"
            "    1.1   ~ Lower the TTL of the bare domain                         laptop  1 record set\n"
            "            libravatar.test.  A  43200 -> 3600    192.0.2.10\n"
            "            undo: put 43200 back\n"
            "    1.2   ? Something of one's own                                   laptop\n"
            "            undo: rm -rf /srv/x ...\n"
            "    ------ point of no return: From here on users write to the new database.\n"
            "\n"
            "1 of 2 steps predicted, 1 opaque: 1.2.\n"
            "Nothing was changed.\n");
}

TEST(Words, FailureSaysWhichStepWhereWhenAndInWhoseWords) {
  const Plan plan = a_plan();
  RunState state(plan);
  const Time begun{std::chrono::seconds(1000)};
  state.fold({.time = begun, .kind = RecordKind::applying, .step = "1.1", .host = "laptop", .data = {{"attempt", 1}}});
  state.fold({.time = begun + std::chrono::seconds(372),
              .kind = RecordKind::failed,
              .step = "1.1",
              .host = "laptop",
              .data = {{"verb", "apply"}, {"error", "no\x1b[2J such key"}, {"command", "nsupdate"}, {"exit_code", 2}}});
  EXPECT_EQ(failure_text(plan, "7f3a", 0, state, begun + std::chrono::seconds(372)),
            "\nx 1.1 Lower the TTL of the bare domain failed on laptop after 6 min 12 s\n"
            "\n"
            "  no\\x1b[2J such key\n"
            "  ran on laptop: nsupdate\n"
            "  exit 2\n"
            "  its output: migrate log 7f3a 1.1\n"
            "\n"
            "  What state things are in\n"
            "    laptop     1 step of this run in effect:\n"
            "               1.1 Lower the TTL of the bare domain (failed)\n"
            "    Point of no return not reached.\n");
}

TEST(Words, SizesAndTimesAreForPeople) {
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(4200000), "4.2 MB");
  EXPECT_EQ(took_text(Milliseconds(400)), "0.4 s");
  EXPECT_EQ(took_text(Milliseconds(483000)), "8 min 03 s");
  EXPECT_EQ(took_text(Milliseconds(90000000)), "1 d 01 h");
}

TEST(JsonReport, WritesOneObjectALineAndKeepsTheStateBeforeToItself) {
  const Plan plan = a_plan();
  std::string out;
  const auto report = make_json_report(plan, {.run = "7f3a", .write = [&](std::string_view text) { out += text; }});
  RunState state(plan);
  report->record(
      {.kind = RecordKind::applying, .step = "1.1", .host = "laptop", .data = {{"before", {{"x", 1}}}, {"attempt", 1}}},
      state);
  EXPECT_EQ(out,
            "{\"run\":\"7f3a\",\"event\":\"applying\",\"time\":0,\"step\":\"1.1\",\"host\":\"laptop\",\"data\":{"
            "\"attempt\":1}}\n");
}

}  // namespace
}  // namespace migrate
