// The real program, on this machine alone (`local: true`): run, kill, resume, roll back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace {

class LocalRun : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(::mkdtemp(name_));
    folder = name_;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// %: the test's folder
  void plan(std::string steps) {
    for (std::size_t at; (at = steps.find('%')) != std::string::npos;) steps.replace(at, 1, folder);
    std::ofstream(folder + "/plan.yaml")
        << "migrate: 1\nname: local\nhosts: { here: { local: true } }\nphases:\n  - name: One\n"
           "    host: here\n    on_failure: stop\n    steps:\n"
        << steps;
  }

  pid_t start(const std::vector<std::string>& arguments) {
    std::filesystem::remove(folder + "/out");  // before there is anybody to look at it
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::setenv("MIGRATE_STATE", (folder + "/state").c_str(), 1);
    ::setenv("HOME", folder.c_str(), 1);
    const int out = ::open((folder + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    std::vector<char*> argv{const_cast<char*>(MIGRATE_PROGRAM)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  static int wait_for(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int migrate(const std::vector<std::string>& arguments) { return wait_for(start(arguments)); }

  std::string content(const std::string& file) const {
    std::ifstream in(folder + "/" + file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void until(const std::function<bool()>& holds, const std::string& what) const {
    for (int i = 0; i < 3000 && !holds(); ++i) ::poll(nullptr, 0, 10);
    ASSERT_TRUE(holds()) << what << "\n" << content("out");
  }
  std::string plan_file() const { return folder + "/plan.yaml"; }

  std::string folder;

 private:
  char name_[32] = "/tmp/migrate-local-XXXXXX";
};

TEST_F(LocalRun, CarriesAPlanAndTakesItBackToTheByte) {
  std::ofstream(folder + "/kept") << "as it was\n";
  plan(
      "      - file.write: { path: %/kept, content: changed }\n"
      "      - run: echo once >> %/effects\n"
      "        undo: rm %/effects\n"
      "      - file.write: { path: %/new/deep/file, content: new }\n");
  EXPECT_EQ(migrate({"run", plan_file()}), 0) << content("out");
  EXPECT_EQ(content("kept"), "changed");
  EXPECT_EQ(content("effects"), "once\n");
  EXPECT_EQ(content("new/deep/file"), "new");
  EXPECT_EQ(migrate({"rollback", "--to", "start"}), 3) << content("out");
  EXPECT_EQ(content("kept"), "as it was\n");
  EXPECT_FALSE(std::filesystem::exists(folder + "/effects"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/new"));
}

TEST_F(LocalRun, ADryRunChangesNothingAndNamesWhatIsOpaque) {
  plan(
      "      - file.write: { path: %/kept, content: changed }\n"
      "      - run: echo once >> %/effects\n"
      "        undo: nothing\n");
  EXPECT_EQ(migrate({"run", plan_file(), "--dry-run"}), 0) << content("out");
  EXPECT_FALSE(std::filesystem::exists(folder + "/kept"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/effects"));
  EXPECT_NE(content("out").find("1 of 2 steps predicted, 1 opaque: 1.2.\nNothing was changed."), std::string::npos)
      << content("out");
}

TEST_F(LocalRun, AJobOutlivesItsControllerAndIsNotRunTwice) {
  plan(
      "      - run: echo begun >> %/effects; until test -e %/go; do sleep 0.05; done; echo ended >> %/effects\n"
      "        undo: nothing\n"
      "      - run: echo next >> %/effects\n"
      "        undo: nothing\n");
  const pid_t controller = start({"run", plan_file()});
  until([&] { return content("effects") == "begun\n"; }, "the step did not begin");
  ::kill(controller, SIGKILL);
  wait_for(controller);
  const pid_t second = start({"resume"});
  until([&] { return content("out").find("Run ") != std::string::npos; }, "the second controller did not begin");
  std::ofstream(folder + "/go") << "";
  EXPECT_EQ(wait_for(second), 0) << content("out");
  EXPECT_EQ(content("effects"), "begun\nended\nnext\n");
}

TEST_F(LocalRun, TakesTheOutcomeOfAJobThatEndedWhileNobodyWasThere) {
  plan(
      "      - run: echo begun >> %/effects; until test -e %/go; do sleep 0.05; done; echo ended >> %/effects\n"
      "        undo: nothing\n");
  const pid_t controller = start({"run", plan_file()});
  until([&] { return content("effects") == "begun\n"; }, "the step did not begin");
  ::kill(controller, SIGKILL);
  wait_for(controller);
  std::ofstream(folder + "/go") << "";
  until([&] { return content("effects") == "begun\nended\n"; }, "the job did not outlive its controller");
  EXPECT_EQ(migrate({"resume"}), 0) << content("out");
  EXPECT_EQ(content("effects"), "begun\nended\n");
}

TEST_F(LocalRun, ARollbackWaitsForAJobThatOutlivedItsController) {
  plan(
      "      - run: echo begun >> %/effects; until test -e %/go; do sleep 0.05; done; echo ended >> %/effects\n"
      "        undo: echo undone >> %/effects\n");
  const pid_t controller = start({"run", plan_file()});
  until([&] { return content("effects") == "begun\n"; }, "the step did not begin");
  ::kill(controller, SIGKILL);
  wait_for(controller);
  const pid_t second = start({"rollback", "--to", "start"});
  until([&] { return content("out").find("Taking back") != std::string::npos; }, "the rollback did not begin");
  std::ofstream(folder + "/go") << "";
  EXPECT_EQ(wait_for(second), 3) << content("out");
  EXPECT_EQ(content("effects"), "begun\nended\nundone\n");
}

TEST_F(LocalRun, NoticesThatTheLocalAgentIsGone) {
  plan(
      "      - run: echo begun >> %/effects; until test -e %/go; do sleep 0.05; done\n"
      "        undo: nothing\n"
      "      - run: echo next >> %/effects\n"
      "        undo: nothing\n");
  const pid_t controller = start({"run", plan_file()});
  until([&] { return content("effects") == "begun\n"; }, "the step did not begin");
  ASSERT_EQ(std::system(("pkill -KILL -f '[a]gent --stdio --name here --state " + folder + "'").c_str()), 0);
  EXPECT_EQ(wait_for(controller), 5) << content("out");
  EXPECT_NE(content("out").find("local agent of host here has ended"), std::string::npos) << content("out");
  EXPECT_EQ(content("effects"), "begun\n");
}

TEST_F(LocalRun, PausesAtTheFirstInterruptAfterWhatRuns) {
  plan(
      "      - run: echo begun >> %/effects; until test -e %/go; do sleep 0.05; done; echo ended >> %/effects\n"
      "        undo: nothing\n"
      "      - run: echo next >> %/effects\n"
      "        undo: nothing\n");
  const pid_t controller = start({"run", plan_file()});
  until([&] { return content("effects") == "begun\n"; }, "the step did not begin");
  ::kill(controller, SIGINT);
  until([&] { return content("out").find("Stopping after what runs now") != std::string::npos; },
        "the signal was not heard");
  std::ofstream(folder + "/go") << "";
  EXPECT_EQ(wait_for(controller), 130) << content("out");
  EXPECT_EQ(content("effects"), "begun\nended\n");
  EXPECT_EQ(migrate({"resume"}), 0) << content("out");
  EXPECT_EQ(content("effects"), "begun\nended\nnext\n");
}

TEST_F(LocalRun, AFailureSaysWhatWasRunAndWhatOneCanDo) {
  plan(
      "      - run: echo the tool says why >&2; exit 3\n"
      "        undo: nothing\n");
  EXPECT_EQ(migrate({"run", plan_file()}), 2);
  const std::string out = content("out");
  EXPECT_NE(out.find("x 1.1"), std::string::npos) << out;
  EXPECT_NE(out.find("the tool says why"), std::string::npos) << out;
  EXPECT_NE(out.find("exit 3"), std::string::npos) << out;
  EXPECT_NE(out.find("migrate resume"), std::string::npos) << out;
}

TEST_F(LocalRun, ATimeOutEndsTheWholeProcessTree) {
  plan(
      "      - run: (echo $$ > %/pid; sleep 1000) & wait\n"
      "        undo: nothing\n"
      "        timeout: 1s\n");
  EXPECT_EQ(migrate({"run", plan_file()}), 2);
  EXPECT_NE(content("out").find("timed out"), std::string::npos) << content("out");
  until(
      [&] {
        return std::system(("pgrep -s " + std::to_string(std::atoi(content("pid").c_str())) + " >/dev/null").c_str()) !=
               0;
      },
      "something of the step still runs");
}

TEST_F(LocalRun, AnswersChecklistsOnlyWithYes) {
  plan(
      "      - checklist: [ the new server is installed ]\n"
      "      - run: echo next >> %/effects\n"
      "        undo: nothing\n");
  EXPECT_EQ(migrate({"run", plan_file()}), 5) << content("out");
  EXPECT_EQ(content("effects"), "");
  EXPECT_EQ(migrate({"resume", "--yes"}), 0) << content("out");
  EXPECT_EQ(content("effects"), "next\n");
}

TEST_F(LocalRun, WrongUsageIs64AndSaysWhatWasMeant) {
  EXPECT_EQ(migrate({"rolback"}), 64);
  EXPECT_NE(content("out").find("did you mean rollback"), std::string::npos) << content("out");
  EXPECT_EQ(migrate({"run"}), 64);
  EXPECT_EQ(migrate({"status"}), 2) << "no run yet";
  EXPECT_EQ(migrate({"--help"}), 0);
  for (const char* command : {"check", "run", "resume", "rollback", "status", "log", "runs", "agent", "server"}) {
    EXPECT_EQ(migrate({command, "--help"}), 0);
    EXPECT_NE(content("out").find("Example:"), std::string::npos) << command;
  }
}

}  // namespace
