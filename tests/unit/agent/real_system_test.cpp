#include "runner/agent/real_system.h"

#include "runner/agent/mask.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace migrate {
namespace {

class RealSystemTest : public testing::Test {
 protected:
  RealSystemTest() {
    char name[] = "/tmp/migrate-system-XXXXXX";
    folder_ = ::mkdtemp(name);
    job_.run = "7f3a";
    job_.step = "5.4";
    job_.host = "old";
    job_.role = "source";
    job_.masked = {"hunter2"};
    as_.mode = 0640;
    as_.uid = ::geteuid();
    as_.gid = ::getegid();
    system_ =
        make_real_system(job_, folder_ + "/state", [this](const JobMessage& message) { sent_.push_back(message); });
  }
  ~RealSystemTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string failure_of(const std::function<void()>& act) const {
    try {
      act();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }

  Job job_;
  FileStatus as_;
  std::string folder_;
  std::vector<JobMessage> sent_;
  std::unique_ptr<System> system_;
};

TEST_F(RealSystemTest, WritesAFileWithModeAndOwnerAndLeavesNothingBesideIt) {
  system_->write(path("a"), "one", as_);
  system_->write(path("a"), "two", as_);
  EXPECT_EQ(system_->read(path("a")), "two");
  const auto status = system_->status(path("a"));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->mode, 0640u);
  EXPECT_EQ(status->size, 3u);
  EXPECT_EQ(system_->list(folder_), std::vector<std::string>{"a"});
}

TEST_F(RealSystemTest, GivesAFileToAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  as_.uid = 12;
  as_.gid = 34;
  as_.mode = 04755;
  system_->write(path("a"), "x", as_);
  EXPECT_EQ(system_->status(path("a"))->uid, 12u);
  EXPECT_EQ(system_->status(path("a"))->gid, 34u);
  EXPECT_EQ(system_->status(path("a"))->mode, 04755u);
}

TEST_F(RealSystemTest, ReplacesWhatACrashedWriteLeft) {
  std::ofstream(path(".a.migrate-7f3a")) << "half";
  system_->write(path("a"), "whole", as_);
  EXPECT_EQ(system_->list(folder_), std::vector<std::string>{"a"});
  std::ofstream(path(".a.migrate-7f3a")) << "half";
  system_->remove(path("a"));
  EXPECT_TRUE(system_->list(folder_).empty());
}

TEST_F(RealSystemTest, WritesInPlaceWhatCannotBeReplaced) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  system_->write(path("inner"), "before", as_);
  system_->write(path("hosts"), "", as_);
  if (::mount(path("inner").c_str(), path("hosts").c_str(), nullptr, MS_BIND, nullptr) != 0)
    GTEST_SKIP() << "needs mounts";
  const std::string failure = failure_of([&] { system_->write(path("hosts"), "after", as_); });
  const std::string content = system_->read(path("inner"));
  ASSERT_EQ(::umount(path("hosts").c_str()), 0);
  EXPECT_EQ(failure, "");
  EXPECT_EQ(content, "after");
  EXPECT_EQ(system_->list(folder_), (std::vector<std::string>{"hosts", "inner"}));
}

TEST_F(RealSystemTest, SaysInPlainWordsThatADiskIsFull) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::mkdir(path("small").c_str(), 0755), 0);
  if (::mount("none", path("small").c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "needs mounts";
  system_->write(path("small/a"), "before", as_);
  const std::string failure = failure_of([&] { system_->write(path("small/a"), std::string(1 << 20, 'x'), as_); });
  const std::string content = system_->read(path("small/a"));
  const auto names = system_->list(path("small"));
  ASSERT_EQ(::umount(path("small").c_str()), 0);
  EXPECT_NE(failure.find("/small/a: No space left on device. The file system is full"), std::string::npos) << failure;
  EXPECT_EQ(content, "before");
  EXPECT_EQ(names, std::vector<std::string>{"a"});
}

TEST_F(RealSystemTest, KnowsLinksFoldersAndWhatIsNotThere) {
  system_->make_directory(path("d"), 0750, as_.uid, as_.gid);
  system_->make_symlink("d", path("l"));
  EXPECT_EQ(system_->status(path("d"))->kind, FileStatus::Kind::directory);
  EXPECT_EQ(system_->status(path("d"))->mode, 0750u);
  EXPECT_EQ(system_->status(path("l"))->kind, FileStatus::Kind::symlink);
  EXPECT_EQ(system_->status(path("l"))->target, "d");
  EXPECT_FALSE(system_->status(path("none")));
  EXPECT_FALSE(system_->status(path("none/below")));
  EXPECT_NE(failure_of([&] { system_->read(path("none")); }).find("/none: No such file or directory"),
            std::string::npos);
  system_->remove(path("d"));
  EXPECT_TRUE(system_->status(path("l")));
  system_->remove(path("l"));
  EXPECT_TRUE(system_->list(folder_).empty());
}

TEST_F(RealSystemTest, RenamesFilesButNeverOntoAFolder) {
  system_->write(path("a"), "a", as_);
  system_->write(path("b"), "b", as_);
  system_->rename(path("a"), path("b"));
  EXPECT_EQ(system_->read(path("b")), "a");
  system_->make_directory(path("d"), 0755, as_.uid, as_.gid);
  system_->make_directory(path("e"), 0755, as_.uid, as_.gid);
  EXPECT_NE(failure_of([&] { system_->rename(path("d"), path("e")); }).find("File exists"), std::string::npos);
}

TEST_F(RealSystemTest, ExchangesFolders) {
  for (const std::string name : {"x", "y"}) {
    system_->make_directory(path(name), 0755, as_.uid, as_.gid);
    system_->write(path(name + "/is"), name, as_);
  }
  system_->exchange(path("x"), path("y"));
  EXPECT_EQ(system_->read(path("x/is")), "y");
  EXPECT_EQ(system_->read(path("y/is")), "x");
}

TEST_F(RealSystemTest, SetsModeAndTimeBack) {
  system_->write(path("a"), "a", as_);
  FileStatus wanted = *system_->status(path("a"));
  wanted.mode = 0600;
  wanted.mtime_ns = 1'234'567'890'123'456'789;
  system_->set_status(path("a"), wanted);
  EXPECT_EQ(*system_->status(path("a")), wanted);
}

TEST_F(RealSystemTest, KeepsAFolderPerStepAndSeat) {
  const std::string kept = system_->keep_folder();
  EXPECT_EQ(kept, folder_ + "/state/kept/7f3a/5.4-old-source");
  EXPECT_EQ(system_->status(kept)->mode, 0700u);
  EXPECT_EQ(system_->keep_folder(), kept);
}

TEST_F(RealSystemTest, MasksSecretsInStreamedOutput) {
  Command command;
  command.argv = {"sh", "-c", "echo password=hunter2; echo two"};
  command.stream = true;
  EXPECT_EQ(system_->run(command).out, "password=hunter2\ntwo\n");  // the action itself sees it
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0].line, "password=****");
  EXPECT_EQ(sent_[1].line, "two");
}

TEST_F(RealSystemTest, SendsProgressSparinglyButTheLastOfIt) {
  for (std::uint64_t done = 0; done <= 100'000; ++done) system_->progress(done, 100'000);
  EXPECT_LT(sent_.size(), 50u);
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_.back().done, 100'000u);
}

TEST_F(RealSystemTest, KnowsUsersAndGroups) {
  EXPECT_EQ(system_->user("root"), (std::pair<unsigned, unsigned>(0, 0)));
  EXPECT_FALSE(system_->user("no-such-user"));
  EXPECT_EQ(system_->group("root"), 0u);
  EXPECT_FALSE(system_->group("no-such-group"));
}

TEST_F(RealSystemTest, SaysThatAPipeWasNotOffered) {
  EXPECT_NE(failure_of([&] { system_->connect_pipe(); }).find("has not offered one"), std::string::npos);
}

TEST(Mask, HidesLongerSecretsFirstAndEachLineOfThem) {
  const Mask mask({"abc", "abcdef", "first line\nshort\nsecond line\n", ""});
  EXPECT_EQ(mask("xabcdefx abc"), "x****x ****");
  EXPECT_EQ(mask("a first line b"), "a **** b");
  EXPECT_EQ(mask("second line"), "****");
  EXPECT_EQ(mask("short"), "short");
}

}  // namespace
}  // namespace migrate
