// file.move between two machines: both seats, each in its own thread, joined by a pipe in memory.
#include "steps/catalogue.h"
#include "tests/support/fake_system.h"

#include <gtest/gtest.h>

#include <iostream>
#include <thread>

namespace migrate {

namespace {

const std::string moved_path = "/var/lib/master/.ssh/authorized_keys";
const std::string moved_content = std::string("ssh-ed25519 AAAA mirror\n") + std::string(200000, 'k');

struct MoveSeats {
  FakeSystem old_host, new_host;
  std::unique_ptr<Action> source, target;
  State source_before, target_before;
  std::string old_first, new_first;
  std::string source_error, target_error;

  MoveSeats() {
    boost::json::object params{{"from", {{"host", "old"}, {"path", moved_path}}},
                               {"to", {{"host", "new"}, {"path", moved_path}}}};
    source = make_action("file.move", params, "source");
    target = make_action("file.move", params, "target");
    old_host.add_user("master", 1001, 1001).add_file(moved_path, moved_content, 0600, 1001, 1001);
    new_host.add_user("master", 1007, 1008).add_directory("/var/lib/master", 0750, 1007, 1008);
    FakeSystem::join_pipes(old_host, new_host);
  }

  void probe() {
    source_before = source->probe(old_host);
    target_before = target->probe(new_host);
    old_first = old_host.fingerprint();
    new_first = new_host.fingerprint();
  }

  /// Both applies, side by side. Whether both ended well.
  bool apply() {
    source_error.clear();
    target_error.clear();
    std::thread other([this] { run(target_error, [this] { target->apply(new_host, target_before); }); });
    run(source_error, [this] { source->apply(old_host, source_before); });
    other.join();
    return source_error.empty() && target_error.empty();
  }

  void undo() {
    target->undo(new_host, target_before);
    source->undo(old_host, source_before);
  }

  bool there_is_a_copy() {
    auto whole = [](FakeSystem& machine) {
      return machine.status(moved_path) && machine.read(moved_path) == moved_content;
    };
    return whole(old_host) || whole(new_host);
  }

  template <typename Act>
  static void run(std::string& error, Act act) {
    try {
      act();
    } catch (const Failure& failure) {
      error = failure.what();
    }
  }
};

}  // namespace

TEST(FileMove, TakesModeOwnerByNameAndMtimeToTheOtherHost) {
  MoveSeats seats;
  seats.probe();
  std::int64_t mtime = seats.old_host.status(moved_path)->mtime_ns;
  ASSERT_TRUE(seats.apply()) << seats.source_error << seats.target_error;
  EXPECT_FALSE(seats.old_host.status(moved_path));
  FileStatus there = seats.new_host.status(moved_path).value();
  EXPECT_EQ(seats.new_host.read(moved_path), moved_content);
  EXPECT_EQ(there.mode, 0600u);
  EXPECT_EQ(there.uid, 1007u);
  EXPECT_EQ(there.gid, 1008u);
  EXPECT_EQ(there.mtime_ns, mtime);
  seats.source->verify(seats.old_host, seats.source_before, {});
  EXPECT_TRUE(agrees(seats.target->plan(seats.target_before).after, seats.target->probe(seats.new_host)));
  seats.undo();
  EXPECT_EQ(seats.old_host.fingerprint(), seats.old_first);
  EXPECT_EQ(seats.new_host.fingerprint(), seats.new_first);
}

TEST(FileMove, IsAppliedAgainAfterTheSourceIsGone) {
  MoveSeats seats;
  seats.probe();
  ASSERT_TRUE(seats.apply());
  std::string applied = seats.new_host.fingerprint();
  EXPECT_TRUE(seats.apply()) << seats.source_error << seats.target_error;
  EXPECT_EQ(seats.new_host.fingerprint(), applied);
}

TEST(FileMove, NeverOverwritesADifferentFile) {
  MoveSeats seats;
  seats.new_host.add_file(moved_path, "another key\n", 0600);
  seats.probe();
  EXPECT_FALSE(seats.apply());
  EXPECT_NE(seats.source_error.find("exists already and is a different file"), std::string::npos) << seats.source_error;
  EXPECT_EQ(seats.new_host.fingerprint(), seats.new_first);
  EXPECT_EQ(seats.old_host.read(moved_path), moved_content);
}

TEST(FileMove, KeepsNumbersAndSaysSoWhereTheOwnerHasNoName) {
  MoveSeats seats;
  seats.old_host.add_file(moved_path, moved_content, 0600, 4711, 4711);
  seats.probe();
  ASSERT_TRUE(seats.apply()) << seats.source_error << seats.target_error;
  EXPECT_EQ(seats.new_host.status(moved_path)->uid, 4711u);
  ASSERT_FALSE(seats.new_host.log_lines().empty());
  EXPECT_NE(seats.new_host.log_lines()[0].find("keeps the number 4711"), std::string::npos);
}

TEST(FileMove, DoesNotTouchASourceThatSomebodyChanged) {
  MoveSeats seats;
  seats.probe();
  seats.old_host.add_file(moved_path, "edited\n", 0600, 1001, 1001);
  EXPECT_FALSE(seats.apply());
  EXPECT_EQ(seats.old_host.read(moved_path), "edited\n");
  EXPECT_FALSE(seats.new_host.status(moved_path));
}

TEST(FileMove, SurvivesAFaultAtEveryWriteOnEitherSide) {
  int faults = 0;
  for (bool on_source : {true, false}) {
    for (auto fault : {FakeSystem::Fault::before, FakeSystem::Fault::after, FakeSystem::Fault::crash}) {
      for (int n = 1; n <= 4; ++n, ++faults) {
        SCOPED_TRACE(std::string(on_source ? "source" : "target") + " write " + std::to_string(n));
        MoveSeats seats;
        seats.probe();
        FakeSystem& struck = on_source ? seats.old_host : seats.new_host;
        struck.fail_at_write(n, fault);
        seats.apply();
        struck.forget_faults();
        EXPECT_TRUE(seats.there_is_a_copy());
        struck.fail_at_write(1, FakeSystem::Fault::crash);
        std::string ignored;
        MoveSeats::run(ignored, [&] { seats.undo(); });
        struck.forget_faults();
        seats.undo();
        EXPECT_EQ(seats.old_host.fingerprint(), seats.old_first);
        EXPECT_EQ(seats.new_host.fingerprint(), seats.new_first);
        EXPECT_TRUE(seats.apply()) << seats.source_error << seats.target_error;
      }
    }
  }
  std::cout << "file.move between hosts: " << faults << " faults tried\n";
}

TEST(FileMove, SurvivesAPipeThatBreaksAtAnyFrame) {
  for (int frames = 0; frames < 6; ++frames) {
    MoveSeats seats;
    seats.probe();
    seats.old_host.break_pipe_after(frames);
    EXPECT_FALSE(seats.apply());
    EXPECT_TRUE(seats.there_is_a_copy());
    EXPECT_EQ(seats.old_host.fingerprint(), seats.old_first);
    EXPECT_EQ(seats.new_host.fingerprint(), seats.new_first);
  }
}

}  // namespace migrate
