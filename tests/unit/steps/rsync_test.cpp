#include "steps/rsync.h"

#include "steps/rsync_transfer.h"
#include "tests/support/two_seats.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

namespace migrate {
namespace {

namespace fs = std::filesystem;

std::string output_of_shell(const std::string& script) {
  std::FILE* pipe = ::popen(script.c_str(), "r");
  std::string out;
  char buffer[4096];
  for (std::size_t n; pipe && (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << script << "\n" << out;
  return out;
}

/// All of a tree that can be seen, contents and folders' times included, as text.
std::string seen_in(const fs::path& tree) {
  if (!fs::exists(tree)) return "nothing";
  const std::string quoted = "'" + tree.string() + "'";
  return output_of_shell(
      "cd " + quoted +
      " && find . -type d -printf '%y %m %U %G %T@ %p\\n' -o -printf '%y %m %U %G %s %n %T@ %p %l\\n' | "
      "LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum; getfattr -dR . 2>/dev/null; "
      "true");
}

/// Nothing when they are equal, else the lines in which they differ.
std::string tree_difference(const std::string& expected, const std::string& found) {
  std::string differing;
  const auto add_missing = [&](const std::string& in, const std::string& from, const char* sign) {
    std::istringstream lines(in);
    for (std::string line; std::getline(lines, line);) {
      if (("\n" + from).find("\n" + line + "\n") == std::string::npos) differing += sign + line + "\n";
    }
  };
  add_missing(expected, found, "- ");
  add_missing(found, expected, "+ ");
  return expected == found ? "" : "they differ:\n" + differing;
}

class RsyncStep : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "owners can only be kept by root";
    char name[] = "/tmp/migrate-rsync-XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(root_ / "old");
    fs::create_directories(root_ / "new");
    shell(
        "mkdir -p old/data/avatar old/data/user 'old/data/with space'; cd old/data;"
        "for i in $(seq 9); do echo picture $i >avatar/a$i; ln avatar/a$i avatar/b$i; done;"
        "echo x >'with space/and \"quotes\"'; ln -s ../avatar/a1 user/link; mkfifo user/fifo; chmod 2750 user;"
        "chown 33:33 avatar avatar/a1; chmod 600 avatar/a2; touch -d @1300000000 avatar/* avatar; touch -hd "
        "@1200000000 user/link");
  }
  void TearDown() override {
    if (root_.empty()) return;
    for (const auto* mounted : {"new/small", "new/data"})
      ::umount2((root_ / mounted).c_str(), MNT_DETACH);  // if a test did
    fs::remove_all(root_);
  }

  void shell(const std::string& script) const { output_of_shell("set -e; cd '" + root_.string() + "'; " + script); }

  bool mount_memory(const std::string& at) const {
    fs::create_directories(root_ / at);
    return ::mount("none", (root_ / at).c_str(), "tmpfs", 0, "size=1m") == 0;
  }

  boost::json::object params(const std::string& from, const std::string& to, boost::json::object more = {}) const {
    more["from"] = {{"host", "old"}, {"path", (root_ / "old").string() + from}};
    more["to"] = {{"host", "new"}, {"path", (root_ / "new").string() + to}};
    return more;
  }

  /// The contract by hand: apply, verify, apply again, undo, undo again. Returns the outputs.
  boost::json::object round(const boost::json::object& given, const fs::path& tree, const std::string& step = "3.1") {
    const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
    TwoSeats seats(*source, *target, (root_ / "state").string(), step);
    const std::string seen_before = seen_in(tree);
    const State before = seats.probe_target(), of_source = seats.probe_source();
    EXPECT_EQ(source->plan(of_source).mark, '~');
    EXPECT_EQ(source->plan(of_source).after.size(), 0u);
    auto result = seats.apply(of_source, before);
    EXPECT_TRUE(result.ok()) << result.source << " / " << result.target;
    if (!result.ok()) return {};
    seats.verify_target(before, result.outputs);
    seen_after_ = seen_in(tree);
    const auto again = seats.apply(of_source, before);
    EXPECT_TRUE(again.ok()) << again.source << " / " << again.target;
    EXPECT_EQ(tree_difference(seen_after_, seen_in(tree)), "");
    EXPECT_EQ(again.outputs.at("transferred"), 0);
    EXPECT_EQ(seats.undo_target(before), before);
    EXPECT_EQ(tree_difference(seen_before, seen_in(tree)), "");
    EXPECT_EQ(seats.undo_target(before), before);
    EXPECT_EQ(tree_difference(seen_before, seen_in(tree)), "");
    EXPECT_EQ(output_of_shell("ls -A '" + tree.parent_path().string() + "' | grep -c before_ || true"), "0\n");
    return result.outputs;
  }

  fs::path root_;
  std::string seen_after_;
};

TEST_F(RsyncStep, CopiesATreeToWhereNothingIsAndTakesItBack) {
  const auto outputs = round(params("/data/", "/data/"), root_ / "new/data");
  EXPECT_EQ(outputs.at("files"), 19);
  EXPECT_EQ(tree_difference(seen_in(root_ / "old/data"), seen_after_), "");
  EXPECT_NE(seen_after_.find(" 2 1300000000"), std::string::npos) << "hard links";
}

TEST_F(RsyncStep, ChangesATreeThatIsThereAndTakesItBackToTheLetter) {
  shell(
      "mkdir -p new/data/avatar new/data/own; cd new/data; echo other >avatar/a1; cp -a ../../old/data/avatar/a2 "
      "avatar/; chmod 644 avatar/a2;"
      "echo mine >own/file; ln own/file own/linked; chown 7:8 own; touch -d @1000000000 own/file own avatar .");
  round(params("/data/", "/data/", {{"delete", true}}), root_ / "new/data");
  EXPECT_EQ(tree_difference(seen_in(root_ / "old/data"), seen_after_), "");
  round(params("/data/", "/data/"), root_ / "new/data", "3.2");
  EXPECT_NE(seen_after_.find("own/file"), std::string::npos);
}

TEST_F(RsyncStep, AnEmptyDirectoryKeepsItsOwnModeAndTimeWhenTakenBack) {
  shell("mkdir -m 711 new/data; chown 5:6 new/data; touch -d @1100000000 new/data");
  round(params("/data/", "/data"), root_ / "new/data");
  EXPECT_EQ(tree_difference(seen_in(root_ / "old/data"), seen_after_), "");
}

TEST_F(RsyncStep, WithoutAFinalSlashTheDirectoryItselfIsCopied) {
  shell("echo neighbour >new/neighbour");
  round(params("/data", "/"), root_ / "new/data");
  EXPECT_EQ(tree_difference(seen_in(root_ / "old/data"), seen_after_), "");
}

TEST_F(RsyncStep, LeavesOutWhatIsExcluded) {
  const auto outputs =
      round(params("/data/", "/data/", {{"exclude", {"b*", "/user"}}, {"bandwidth", 50'000'000}, {"checksum", true}}),
            root_ / "new/data");
  EXPECT_EQ(outputs.at("files"), 10);
  EXPECT_EQ(seen_after_.find("user"), std::string::npos);
}

TEST_F(RsyncStep, TwoStepsOfOneRunAreTakenBackOneAfterTheOther) {
  const auto given = params("/data/", "/data/", {{"delete", true}});
  const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
  TwoSeats first(*source, *target, (root_ / "state").string(), "1.1"),
      second(*source, *target, (root_ / "state").string(), "2.1");
  const State at_start = first.probe_target();
  ASSERT_TRUE(first.apply(first.probe_source(), at_start).ok());
  const State between = second.probe_target();
  const std::string seen_between = seen_in(root_ / "new/data");
  shell("echo new >old/data/avatar/a1; rm old/data/avatar/a3");
  ASSERT_TRUE(second.apply(second.probe_source(), between).ok());
  EXPECT_NE(seen_in(root_ / "new/data"), seen_between);
  EXPECT_EQ(second.undo_target(between), between);
  EXPECT_EQ(tree_difference(seen_between, seen_in(root_ / "new/data")), "");
  EXPECT_EQ(first.undo_target(at_start), at_start);
  EXPECT_FALSE(fs::exists(root_ / "new/data"));
}

TEST_F(RsyncStep, ApplyAfterACrashDoesNotOverwriteWhatWasSetAside) {
  shell("mkdir -p new/data; echo mine >new/data/own");
  const auto given = params("/data/", "/data/", {{"delete", true}});
  const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
  TwoSeats seats(*source, *target, (root_ / "state").string());
  const State before = seats.probe_target();
  const std::string seen_before = seen_in(root_ / "new/data");
  ASSERT_TRUE(seats.apply(seats.probe_source(), before).ok());
  shell("echo half >new/data/half; mkdir -p \"$(echo new/data.before_*).unfinished\"");  // as a crash leaves it
  ASSERT_TRUE(seats.apply(seats.probe_source(), before).ok());
  EXPECT_EQ(seats.undo_target(before), before);
  EXPECT_EQ(tree_difference(seen_before, seen_in(root_ / "new/data")), "");
}

TEST_F(RsyncStep, UndoGoesOnWhereAnEarlierOneStopped) {
  shell("mkdir -p new/data; echo mine >new/data/own");
  const auto given = params("/data/", "/data/");
  const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
  TwoSeats seats(*source, *target, (root_ / "state").string());
  const State before = seats.probe_target();
  ASSERT_TRUE(seats.apply(seats.probe_source(), before).ok());
  shell("mv new/data \"$(echo new/data.before_*).replaced\"");  // stopped between its two renames
  EXPECT_EQ(seats.undo_target(before), before);
}

TEST_F(RsyncStep, TheSourcesFailureIsTheTargetsReason) {
  const auto given = params("/data/", "/data/");
  const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
  TwoSeats seats(*source, *target, (root_ / "state").string());
  const State before = seats.probe_target(), of_source = seats.probe_source();
  fs::rename(root_ / "old/data", root_ / "old/gone");
  const auto result = seats.apply(of_source, before);
  EXPECT_NE(result.source.find("old/data"), std::string::npos) << result.source;
  EXPECT_NE(result.target.find("old/data"), std::string::npos) << result.target;
  EXPECT_EQ(seats.undo_target(before), before);
}

TEST_F(RsyncStep, AFullDiskIsOneSentenceOnBothSidesAndCanBeTakenBack) {
  if (!mount_memory("new/small")) GTEST_SKIP() << "nothing can be mounted here";
  shell(
      "mkdir new/small/data; echo mine "
      ">new/small/data/own;"
      "head -c 3000000 /dev/urandom >old/data/large");
  const auto given = params("/data/", "/small/data/");
  const auto source = make_rsync("rsync", given, "source"), target = make_rsync("rsync", given, "target");
  TwoSeats seats(*source, *target, (root_ / "state").string());
  const State before = seats.probe_target();
  const auto result = seats.apply(seats.probe_source(), before);
  EXPECT_NE(result.target.find("No space left"), std::string::npos) << result.target;
  EXPECT_NE(result.source.find("No space left"), std::string::npos) << result.source;
  EXPECT_EQ(seats.undo_target(before), before);
}

TEST_F(RsyncStep, AMountPointIsRestoredInPlace) {
  if (!mount_memory("new/data")) GTEST_SKIP() << "nothing can be mounted here";
  shell(
      "echo mine >new/data/own; touch -d @1000000000 new/data/own "
      "new/data");
  round(params("/data/", "/data/", {{"delete", true}}), root_ / "new/data");
}

TEST(RsyncSender, AllowsNothingButToSendTheStepsOwnTree) {
  const std::vector<std::string> good{
      "source",        "rsync",         "--server", "--sender",   "-lHogDtpAXrce.iLsfxCIvu",
      "--bwlimit=100", "--numeric-ids", ".",        "/var/lib/x/"};
  EXPECT_EQ(checked_sender(good, "/var/lib/x"), std::vector<std::string>(good.begin() + 1, good.end()));
  const auto refused = [&](std::size_t at, const std::string& word) {
    auto words = good;
    words[at] = word;
    EXPECT_THROW(checked_sender(words, "/var/lib/x"), Failure) << word;
  };
  refused(1, "sh");
  refused(3, "--verbose");
  refused(4, "-slHogDtpAXrce.iLsfxCIvu");
  refused(5, "--remove-source-files");
  refused(5, "--log-file=/etc/passwd");
  refused(5, "--bwlimit=1 x");
  refused(7, "/etc/");
  refused(8, "/etc/");
  refused(8, "/var/lib/x/../../../etc/");
  EXPECT_THROW(checked_sender({}, "/var/lib/x"), Failure);
}

TEST(RsyncPlan, SaysWhatWillBeSetAside) {
  const boost::json::object given{
      {"from", {{"host", "old"}, {"path", "/a/"}}}, {"to", {{"host", "new"}, {"path", "/b/"}}}, {"delete", true}};
  const auto target = make_rsync("rsync", given, "target");
  EXPECT_EQ(target->plan({{"tree:/b", nullptr}}).mark, '+');
  const auto change = target->plan({{"tree:/b", boost::json::object{{"files", 3}, {"bytes", 5}, {"digest", "x"}}}});
  EXPECT_EQ(change.mark, '~');
  EXPECT_EQ(change.summary, "/b will be made equal to old:/a");
  EXPECT_EQ(change.details.at(0), "3 files, 5 bytes are there now; a copy of them is set aside first");
}

}  // namespace
}  // namespace migrate
