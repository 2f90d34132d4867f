// The proof of the issue: an unreachable host, a refused key, a changed host key, a missing sudo: one clear sentence
// each.
#include "tests/unit/ssh/agent_over_ssh.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A port that refuses for as long as this lives: bound, but nobody listens.
class DeafPort {
 public:
  DeafPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    number_ = ::ntohs(address.sin_port);
  }
  ~DeafPort() { ::close(fd_); }
  DeafPort(const DeafPort&) = delete;
  DeafPort& operator=(const DeafPort&) = delete;
  int number() const { return number_; }

 private:
  int fd_, number_ = 0;
};

std::string shown(const std::string& sentence) {
  std::printf("  %s\n", sentence.c_str());
  return sentence;
}

bool nothing_uploaded(const TestSshd& sshd, const std::string& user) {
  return !std::filesystem::exists(sshd.home(user) + "/.cache");
}

TEST_F(AgentOverSsh, SaysThatAConnectionIsRefused) {
  const DeafPort port;
  auto with = options("root", echo_script);
  with.host.port = port.number();  // the plan's word counts more than ssh_config's
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), AllOf(HasSubstr("old (127.0.0.1:" + std::to_string(port.number()) + ")"),
                                                 HasSubstr("connection refused"), HasSubstr("Is sshd running")));
}

TEST_F(AgentOverSsh, SaysThatANameIsNotFound) {
  auto with = options("root", echo_script);
  with.host.address = "no-such-host.invalid";
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("Cannot connect to old (no-such-host.invalid)"), HasSubstr("could not be found")));
}

TEST_F(AgentOverSsh, SaysThatAHostKeyIsUnknown) {
  const auto with = options("root", echo_script);
  write_text(sshd_->known_hosts(), "");
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("old (" + sshd_->place() + ")"), HasSubstr("unknown"), HasSubstr("ssh-ed25519 SHA256:"),
                    HasSubstr("ssh-keyscan -p " + std::to_string(sshd_->port()) + " 127.0.0.1")));
  EXPECT_TRUE(nothing_uploaded(*sshd_, "root"));
}

TEST_F(AgentOverSsh, SaysThatAHostKeyHasChanged) {
  const auto with = options("root", echo_script);
  write_text(sshd_->known_hosts(),
             "[127.0.0.1]:" + std::to_string(sshd_->port()) + " " + read_text(sshd_->file("other-key.pub")));
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), AllOf(HasSubstr("The host key of old (" + sshd_->place() + ") has changed"),
                                                 HasSubstr("attack"), HasSubstr("ssh-keygen -R")));
  EXPECT_TRUE(nothing_uploaded(*sshd_, "root"));
}

TEST_F(AgentOverSsh, SaysThatNoKeyWasAccepted) {
  const auto with = options("root", echo_script);
  write_text(sshd_->file("key.pub"), read_text(sshd_->file("other-key.pub")));
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("No key was accepted for root on old (" + sshd_->place() + ")"),
                    HasSubstr("tried " + sshd_->key())));
}

TEST_F(AgentOverSsh, SaysThatSudoIsMissing) {
  auto with = options("worker", echo_script);
  with.host.become = "root";
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("old (" + sshd_->place() + ")"), HasSubstr("no sudo that worker may run")));
  EXPECT_TRUE(nothing_uploaded(*sshd_, "worker"));
}

TEST_F(AgentOverSsh, SaysThatSudoWantsAPassword) {
  sshd_->add_program("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
  auto with = options("worker", echo_script);
  with.host.become = "root";
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), AllOf(HasSubstr("old (" + sshd_->place() + ")"), HasSubstr("worker"),
                                                 HasSubstr("a password is required"), HasSubstr("NOPASSWD")));
  EXPECT_TRUE(nothing_uploaded(*sshd_, "worker"));
}

TEST_F(AgentOverSsh, SaysThatSudoMayNotBeRun) {
  sshd_->add_program("sudo", "#!/bin/sh\nexec \"$@\"\n");
  ::chmod(sshd_->file("bin/sudo").c_str(), 0);
  auto with = options("worker", echo_script);
  with.host.become = "root";
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), HasSubstr("no sudo that worker may run"));
}

TEST_F(AgentOverSsh, SaysThatTheArchitectureIsWrong) {
  const auto with = options("worker", echo_script);
  std::filesystem::remove(sshd_->file("bin/uname"));
  sshd_->add_program("uname", "#!/bin/sh\necho riscv64\n");
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), AllOf(HasSubstr("cannot run on old"), HasSubstr("riscv64")));
  EXPECT_TRUE(nothing_uploaded(*sshd_, "worker"));
}

TEST_F(AgentOverSsh, SaysThatThereIsNoSpaceLeft) {
  const auto with = options("worker", echo_script);
  std::filesystem::remove(sshd_->file("bin/tar"));
  sshd_->add_program("tar", "#!/bin/sh\necho 'tar: program: Cannot write: No space left on device' >&2\nexit 2\n");
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("no space left on old"), HasSubstr("home folder of worker")));
  EXPECT_TRUE(std::filesystem::is_empty(sshd_->home("worker") + "/.cache/migrate"));
}

TEST_F(AgentOverSsh, SaysThatAnAgentMayNotBeExecuted) {
  const auto with = options("worker", "#!/no/such/interpreter\n");
  std::filesystem::remove(sshd_->file("bin/tar"));
  sshd_->add_program("tar", "#!/bin/sh\ncat >/dev/null\n: >\"$4/migrate-agent\"\n");  // as on noexec: not executable
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()), AllOf(HasSubstr("on old"), HasSubstr("noexec")));
}

TEST_F(AgentOverSsh, SaysThatAnotherServerListensThere) {
  auto with = options("root", echo_script, "  ProxyCommand echo hello\n");
  SshAgent agent(with, events_.callbacks());
  EXPECT_THAT(shown(events_.wait_ended()),
              AllOf(HasSubstr("Cannot connect to old"), HasSubstr("through `echo hello`")));
}

}  // namespace
}  // namespace migrate
