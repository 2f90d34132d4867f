// What the tests of SshAgent share: a job server's socket, a stand-in for the bundle, and a record of the callbacks.
#pragma once

#include "runner/ssh/ssh_agent.h"
#include "tests/unit/ssh/test_sshd.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace migrate {

/// What an SshAgent told, to wait for.
class AgentEvents {
 public:
  SshAgent::Callbacks callbacks();
  /// True when it became ready; false when it ended instead, or nothing happened in 30 s.
  bool wait_ready();
  /// The sentence, or "(nothing)" after 30 s.
  std::string wait_ended();
  std::vector<std::string> progress() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::optional<std::string> ended_;
  std::vector<std::string> progress_;
};

/// A listening Unix socket, as the job server's.
class TestServer {
 public:
  explicit TestServer(const std::string& path);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  const std::string& path() const { return path_; }
  /// The next agent's connection; the caller closes it.
  int accept() const;

 private:
  std::string path_;
  int fd_ = -1;
};

class AgentOverSsh : public testing::Test {
 protected:
  void SetUp() override;

  /// Packs `script` as the bundle's migrate-agent.
  SshAgentOptions options(const std::string& user, const std::string& script, const std::string& more_config = "");

  std::optional<TestSshd> sshd_;
  std::optional<TestServer> server_;
  AgentEvents events_;
};

/// An agent that greets, and sends back what it gets.
inline constexpr const char* echo_script = "#!/bin/sh\necho 'migrate-agent 1'\nexec cat\n";

/// Exactly `size` bytes, or fewer when the other side closed or was silent for 10 s.
std::string read_exactly(int fd, std::size_t size);

}  // namespace migrate
