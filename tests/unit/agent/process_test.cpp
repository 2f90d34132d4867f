#include "runner/agent/process.h"

#include "runner/agent/output_lines.h"
#include "runner/agent/process_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace migrate {
namespace {

using Milliseconds = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

Command shell(const std::string& text) {
  Command command;
  command.argv = {"sh", "-c", text};
  return command;
}

Exit run_shell(const std::string& text, Milliseconds timeout = Milliseconds(0)) {
  return run_to_end(shell(text), timeout, [](std::string_view) {});
}

std::vector<std::string> lines_of(Command command) {
  std::vector<std::string> lines;
  command.stream = true;
  run_to_end(command, Milliseconds(0), [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

std::string failure_of(const Command& command) {
  try {
    run_to_end(command, Milliseconds(0), [](std::string_view) {});
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

bool comes_true(const std::function<bool()>& condition) {
  const auto patience_ends = SteadyClock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (SteadyClock::now() > patience_ends) return false;
    std::this_thread::sleep_for(Milliseconds(2));
  }
  return true;
}

TEST(Process, CollectsBothOutputsAndTheExitCode) {
  const Exit exit = run_shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(exit.code, 3);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.out, "out\n");
  EXPECT_EQ(exit.err, "err\n");
  EXPECT_FALSE(exit.ok());
}

TEST(Process, TellsASignalFromACode) {
  const Exit exit = run_shell("kill -USR1 $$");
  EXPECT_EQ(exit.signal, SIGUSR1);
  EXPECT_EQ(exit.code, 128 + SIGUSR1);
}

TEST(Process, FeedsMuchInputWhileItReadsMuchOutput) {
  Command command;
  command.argv = {"cat"};
  command.input = std::string(900'000, 'x');
  const Exit exit = run_to_end(command, Milliseconds(0), [](std::string_view) {});
  EXPECT_TRUE(exit.ok());
  EXPECT_EQ(exit.out, command.input);
}

TEST(Process, SurvivesAProgramThatDoesNotReadItsInput) {
  Command command;
  command.argv = {"true"};
  command.input = std::string(4'000'000, 'x');
  EXPECT_TRUE(run_to_end(command, Milliseconds(0), [](std::string_view) {}).ok());
}

TEST(Process, KeepsTheTailOfEndlessOutput) {
  const Exit exit = run_shell("head -c 5000000 /dev/zero; echo; echo last");
  EXPECT_EQ(exit.out.size(), OutputLines::tail_size);
  EXPECT_EQ(exit.out.substr(exit.out.size() - 6), "\nlast\n");
}

TEST(Process, StreamsLinesOfBothOutputs) {
  EXPECT_EQ(lines_of(shell("echo one; printf 'two\\r\\nthree'")), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(lines_of(shell("echo err >&2")), std::vector<std::string>{"err"});
}

TEST(Process, StreamsValidUtf8Whatever) {
  EXPECT_EQ(lines_of(shell("printf 'gr\\303\\274n \\377!\\n'")), std::vector<std::string>{"gr\u00fcn \uFFFD!"});
}

TEST(Process, CutsLongLines) {
  const auto lines = lines_of(shell("head -c 150000 /dev/zero | tr '\\0' x; echo; echo end"));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].size(), OutputLines::longest_line);
  EXPECT_EQ(lines[2].size(), 150000 - 2 * OutputLines::longest_line);
  EXPECT_EQ(lines[3], "end");
}

TEST(Process, StartsInACleanEnvironment) {
  ::setenv("MIGRATE_TEST_LEAK", "1", 1);
  Command command;
  command.argv = {"env"};
  command.env = {{"GIVEN", "yes"}};
  const std::string out = run_to_end(command, Milliseconds(0), [](std::string_view) {}).out;
  EXPECT_EQ(out.find("MIGRATE_TEST_LEAK"), std::string::npos);
  EXPECT_NE(out.find("GIVEN=yes\n"), std::string::npos);
  EXPECT_NE(out.find("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"), std::string::npos);
  EXPECT_NE(out.find("LANG=C.UTF-8\n"), std::string::npos);
  EXPECT_NE(out.find("HOME=/"), std::string::npos);
}

TEST(Process, HandsOnNoDescriptorAndNoBlockedSignal) {
  const int leak = ::open("/dev/null", O_RDONLY);  // without close-on-exec
  const Exit exit = run_shell("ls /proc/self/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)' /proc/self/status");
  ::close(leak);
  EXPECT_EQ(exit.out, "0 1 2 3 SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");  // 3: the folder that ls reads
}

TEST(Process, GivesDescriptorsTheNumbersThatAreAskedFor) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  {
    ChildProcess child(shell("echo seven >&7; ls /proc/self/fd | tr '\\n' ' ' >&7"), {{7, pipe_fds[1]}});
    EXPECT_TRUE(child.wait().ok());
  }
  ::close(pipe_fds[1]);
  char text[64] = {};
  const auto size = ::read(pipe_fds[0], text, sizeof text - 1);
  ::close(pipe_fds[0]);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(text), "seven\n0 1 2 3 7 ");
}

TEST(Process, RunsWhereAndAsWhomItIsTold) {
  Command command = shell("pwd; id -un; echo $HOME");
  command.chdir = "/usr";
  EXPECT_EQ(run_to_end(command, Milliseconds(0), [](std::string_view) {}).out.substr(0, 5), "/usr\n");
  if (::geteuid() != 0) GTEST_SKIP() << "switching the user needs root";
  command.user = "nobody";
  EXPECT_EQ(run_to_end(command, Milliseconds(0), [](std::string_view) {}).out, "/usr\nnobody\n/nonexistent\n");
}

TEST(Process, SaysWhatCannotBeStarted) {
  Command command;
  command.argv = {"no-such-program-here"};
  EXPECT_NE(failure_of(command).find("no-such-program-here is not installed on this host"), std::string::npos);
  command.argv = {"/no/such/path"};
  EXPECT_EQ(failure_of(command), "/no/such/path does not exist on this host.");
  command = shell("true");
  command.chdir = "/no/such/folder";
  EXPECT_NE(failure_of(command).find("in the folder /no/such/folder: No such file or directory"), std::string::npos);
  command.chdir = "";
  command.user = "no-such-user";
  EXPECT_EQ(failure_of(command), "There is no user no-such-user on this host.");
}

TEST(Process, EndsTheWholeTreeWhenTimeIsUp) {
  const auto begun = SteadyClock::now();
  const Exit exit = run_shell("sleep 1000 & echo $! ; sleep 1000", Milliseconds(200));
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_LT(SteadyClock::now() - begun, Milliseconds(2500));
  const int grandchild = std::atoi(exit.out.c_str());
  ASSERT_GT(grandchild, 0);
  EXPECT_TRUE(comes_true([&] { return identity_of(grandchild).started == 0 || !still_runs(identity_of(grandchild)); }));
}

TEST(Process, KillsWhatDoesNotListenToTerm) {
  const Exit exit = run_shell("trap '' TERM; while :; do sleep 0.05; done", Milliseconds(100));
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST(Process, DoesNotWaitForADaemonThatHoldsTheOutput) {
  const auto begun = SteadyClock::now();
  const Exit exit = run_shell("setsid sleep 30 & echo $!");
  EXPECT_LT(SteadyClock::now() - begun, Milliseconds(5000));
  EXPECT_TRUE(exit.ok());
  const int daemon = std::atoi(exit.out.c_str());
  ASSERT_GT(daemon, 0);
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);
}

TEST(Process, IsEndedWithItsGroupWhenTheHandleGoes) {
  int pid = 0;
  {
    ChildProcess child(shell("sleep 1000 & wait"), {});
    pid = child.pid();
    EXPECT_FALSE(child.has_ended());
  }
  EXPECT_TRUE(comes_true([&] { return group_members(pid).empty(); }));
}

TEST(Process, FindsProgramsInTheCleanPath) {
  EXPECT_NE(find_program("sh").find("/sh"), std::string::npos);
  EXPECT_EQ(find_program("no-such-program-here"), "");
}

TEST(ProcessTree, KnowsAProcessFromALaterOneWithItsNumber) {
  ProcessIdentity self = identity_of(::getpid());
  EXPECT_TRUE(still_runs(self));
  ++self.started;
  EXPECT_FALSE(still_runs(self));
  self = identity_of(::getpid());
  self.boot = "another boot";
  EXPECT_FALSE(still_runs(self));
}

}  // namespace
}  // namespace migrate
