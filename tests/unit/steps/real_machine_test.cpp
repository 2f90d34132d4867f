// The actions on files again, on this machine's own file system: what FakeSystem promises must be so for real.
#include "runner/agent/real_system.h"
#include "steps/catalogue.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace migrate {

class RealMachine : public ::testing::Test {
 protected:
  RealMachine() {
    std::string pattern = (std::filesystem::temp_directory_path() / "migrate-steps-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(folder_ + "/etc");
    Job job;
    job.run = "7f3a";
    job.step = "1.1";
    job.host = "old";
    system_ = make_real_system(job, folder_ + "/state", [](const JobMessage&) {});
  }
  ~RealMachine() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/etc/" + name; }

  void put(const std::string& name, const std::string& content, unsigned mode) {
    std::ofstream(path(name)) << content;
    FileStatus as = system_->status(path(name)).value();
    as.mode = mode;
    as.mtime_ns = 1600000000123456789;
    system_->set_status(path(name), as);
  }

  /// Forward, back, and back again; the first state each time.
  void check(const std::string& name, const boost::json::object& params) {
    SCOPED_TRACE(name);
    auto action = make_action(name, params, "");
    const State before = action->probe(*system_);
    const Change change = action->plan(before);
    EXPECT_FALSE(change.nothing_to_do());
    boost::json::object outputs = action->apply(*system_, before);
    action->verify(*system_, before, outputs);
    const State after = action->probe(*system_);
    EXPECT_TRUE(agrees(change.after, after)) << difference(change.after, after);
    action->apply(*system_, before);
    EXPECT_EQ(difference(after, action->probe(*system_)), "");
    for (int time = 0; time < 2; ++time) {
      action->undo(*system_, before);
      EXPECT_EQ(difference(before, action->probe(*system_)), "");
    }
  }

  std::string folder_;
  std::unique_ptr<System> system_;
};

TEST_F(RealMachine, WritesFilesAndPutsThemBack) {
  check("file.write", {{"path", path("new/folder/file")}, {"content", "x\n"}, {"mode", "0600"}});
  EXPECT_FALSE(std::filesystem::exists(path("new")));
  put("private", "secret\n", 0640);
  check("file.write", {{"path", path("private")}, {"content", "other\n"}});
  EXPECT_EQ(system_->read(path("private")), "secret\n");
  put("big", std::string(300 * 1024, 'b'), 0644);
  check("file.write", {{"path", path("big")}, {"content", "small\n"}});
  std::filesystem::create_symlink("big", path("link"));
  check("file.write", {{"path", path("link")}, {"content", "a file\n"}});
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
}

TEST_F(RealMachine, EditsCronAndHostsFilesAndPutsThemBack) {
  put("cron", "# c\n* * * * * root true\n", 0644);
  check("cron.disable", {{"file", path("cron")}});
  put("cron", "#migrate# * * * * * root true", 0600);
  check("cron.enable", {{"file", path("cron")}});
  put("hosts", "127.0.0.1 localhost", 0644);
  check("hosts.add", {{"ip", "192.0.2.1"}, {"names", {"x.test"}}, {"file", path("hosts")}});
}

TEST_F(RealMachine, MovesFilesAndPutsThemBack) {
  put("key", "k\n", 0600);
  check("file.move",
        {{"from", {{"host", ""}, {"path", path("key")}}}, {"to", {{"host", ""}, {"path", path("a/b/key")}}}});
}

TEST_F(RealMachine, RunsCommandsAsTheyAreWritten) {
  auto action = make_action("run", {{"command", "false\ntrue"}}, "");
  EXPECT_THROW(action->apply(*system_, {}), Failure) << "a line that fails must end the script";
  boost::json::object outputs = make_action("run", {{"command", {"printf", "%s", "a b"}}}, "")->apply(*system_, {});
  EXPECT_EQ(outputs.at("stdout"), "a b");
}

}  // namespace migrate
