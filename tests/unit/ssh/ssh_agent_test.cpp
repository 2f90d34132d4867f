#include "tests/unit/ssh/agent_over_ssh.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

std::string agent_folders(const TestSshd& sshd, const std::string& user) {
  std::string names;
  for (const auto& entry : std::filesystem::directory_iterator(sshd.home(user) + "/.cache/migrate")) {
    names += entry.path().filename().string() + " ";
  }
  return names;
}

TEST_F(AgentOverSsh, CarriesBytesBothWaysOnceTheAgentHasGreeted) {
  SshAgent agent(options("root", echo_script), events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  const std::string all_bytes = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  ASSERT_EQ(::send(server, all_bytes.data(), all_bytes.size(), 0), 256);
  EXPECT_EQ(read_exactly(server, 256), all_bytes);
  ::close(server);
}

TEST_F(AgentOverSsh, ARoundTripCostsLittle) {
  SshAgent agent(options("root", echo_script), events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  std::vector<double> micros;
  for (int i = 0; i < 1000; ++i) {
    const auto begun = Clock::now();
    ASSERT_EQ(::send(server, "0123456789abcdef", 16, 0), 16);
    ASSERT_EQ(read_exactly(server, 16).size(), 16u);
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
  }
  std::sort(micros.begin(), micros.end());
  std::printf("round trip through ssh: median %.0f us, 90%% %.0f us\n", micros[500], micros[900]);
  EXPECT_LT(micros[500], 5000) << "a wait that polls, or Nagle's delay";
  ::close(server);
}

TEST_F(AgentOverSsh, CarriesManyBytesToASlowReaderWithoutLosingAny) {
  SshAgent agent(options("root", echo_script), events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  constexpr std::size_t total = 48u << 20;
  std::string sent(total, '\0');
  for (std::size_t i = 0; i < total; ++i) sent[i] = static_cast<char>(i * 2654435761u >> 13);
  const auto begun = Clock::now();
  std::thread writer([&] {
    for (std::size_t at = 0; at < total;) {
      const auto count = ::send(server, sent.data() + at, std::min<std::size_t>(total - at, 1 << 20), 0);
      if (count <= 0) break;
      at += static_cast<std::size_t>(count);
    }
  });
  const auto got = read_exactly(server, total);
  writer.join();
  std::printf("echo through ssh: %.0f MB/s\n", 48 / std::chrono::duration<double>(Clock::now() - begun).count());
  EXPECT_TRUE(got == sent);
  ::close(server);
}

TEST_F(AgentOverSsh, UploadsOnlyOnce) {
  const auto with = options("root", echo_script);
  {
    SshAgent agent(with, events_.callbacks());
    ASSERT_TRUE(events_.wait_ready());
    EXPECT_THAT(events_.progress(), testing::Contains(HasSubstr("uploading the agent")));
  }
  EXPECT_EQ(agent_folders(*sshd_, "root"), "agent-0123456789ab ");
  AgentEvents again;
  SshAgent agent(with, again.callbacks());
  ASSERT_TRUE(again.wait_ready());
  EXPECT_TRUE(again.progress().empty());
}

TEST_F(AgentOverSsh, UploadsOnTwoConnectionsAtOnceDoNoHarm) {
  const auto with = options("root", echo_script);
  AgentEvents other;
  SshAgent one(with, events_.callbacks());
  SshAgent two(with, other.callbacks());
  EXPECT_TRUE(events_.wait_ready());
  EXPECT_TRUE(other.wait_ready());
  EXPECT_EQ(agent_folders(*sshd_, "root"), "agent-0123456789ab ");
}

TEST_F(AgentOverSsh, PassesOverWhatAShellsStartUpFilesPrint) {
  SshAgent agent(
      options("root", "#!/bin/sh\nprintf 'Welcome to old\\nmigrate-agent 10\\n\\nmigrate-agent 1\\nJ'\nexec cat\n"),
      events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  EXPECT_EQ(read_exactly(server, 1), "J");
  ::close(server);
}

TEST_F(AgentOverSsh, TellsOfAnAgentThatDoesNotStart) {
  SshAgent agent(options("root", "#!/bin/sh\necho 'cannot open the ledger: disk I/O error' >&2\nexit 3\n"),
                 events_.callbacks());
  EXPECT_THAT(events_.wait_ended(), AllOf(HasSubstr("old (" + sshd_->place() + ")"), HasSubstr("exit code 3"),
                                          HasSubstr("cannot open the ledger: disk I/O error")));
}

TEST_F(AgentOverSsh, TellsOfAnAgentThatEndsLater) {
  SshAgent agent(options("root", "#!/bin/sh\necho 'migrate-agent 1'\nread line\necho \"$line, it said\" >&2\nexit 4\n"),
                 events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  ASSERT_EQ(::send(server, "goodbye\n", 8, 0), 8);
  EXPECT_THAT(events_.wait_ended(),
              AllOf(HasSubstr("The agent on old"), HasSubstr("exit code 4"), HasSubstr("goodbye, it said")));
  ::close(server);
}

TEST_F(AgentOverSsh, TellsOfAConnectionThatBreaks) {
  SshAgent agent(options("root", echo_script), events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const auto begun = Clock::now();
  sshd_->cut();
  EXPECT_THAT(events_.wait_ended(), AllOf(HasSubstr("The connection to old"), HasSubstr("lost")));
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(2));
}

TEST_F(AgentOverSsh, EndsWhenTheJobServerCloses) {
  SshAgent agent(options("root", echo_script), events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  ::close(server_->accept());
  EXPECT_THAT(events_.wait_ended(), AllOf(HasSubstr("job server"), HasSubstr("old")));
}

TEST_F(AgentOverSsh, BecomesRootBySudo) {
  sshd_->add_program("sudo", "#!/bin/sh\ntest \"$1\" = -n || exit 1\nshift\nMIGRATE_TEST=by-sudo exec \"$@\"\n");
  auto with = options("worker", "#!/bin/sh\necho 'migrate-agent 1'\necho \"$MIGRATE_TEST $*\"\nexec cat\n");
  with.host.become = "root";
  with.state_folder = "/var/lib/it's";
  SshAgent agent(with, events_.callbacks());
  ASSERT_TRUE(events_.wait_ready());
  const int server = server_->accept();
  const std::string expected = "by-sudo agent --stdio --name old --state /var/lib/it's\n";
  EXPECT_EQ(read_exactly(server, expected.size()), expected);
  ::close(server);
}

TEST_F(AgentOverSsh, NeedsNoSudoForRoot) {
  auto with = options("root", echo_script);
  with.host.become = "root";
  SshAgent agent(with, events_.callbacks());
  EXPECT_TRUE(events_.wait_ready());
}

TEST_F(AgentOverSsh, LeavesNothingRunningWhenItIsDestroyedWhileTheHostIsSilent) {
  const auto with = options("root", "#!/bin/sh\nexec sleep 60\n");
  const auto begun = Clock::now();
  {
    SshAgent agent(with, events_.callbacks());
    while (sshd_->connections() == 0 && Clock::now() - begun < std::chrono::seconds(10)) std::this_thread::yield();
  }
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(5));
}

}  // namespace
}  // namespace migrate
