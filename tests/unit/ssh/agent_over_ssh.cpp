#include "tests/unit/ssh/agent_over_ssh.h"

#include "runner/ssh/tar_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>

namespace migrate {

SshAgent::Callbacks AgentEvents::callbacks() {
  const auto note = [this](const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(ended_) << "nothing may be told after the end";
    change();
    changed_.notify_all();
  };
  return {[this, note] { note([this] { ready_ = true; }); },
          [this, note](std::string why) { note([&] { ended_ = std::move(why); }); },
          [this, note](std::string text) { note([&] { progress_.push_back(std::move(text)); }); }};
}

bool AgentEvents::wait_ready() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(30), [this] { return ready_ || ended_; });
  EXPECT_TRUE(ready_) << ended_.value_or("nothing was told");
  return ready_;
}

std::string AgentEvents::wait_ended() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(30), [this] { return ended_.has_value(); });
  return ended_.value_or("(nothing)");
}

std::vector<std::string> AgentEvents::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

TestServer::TestServer(const std::string& path) : path_(path), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd_, 64) != 0) {
    throw std::runtime_error("cannot listen on " + path);
  }
}

TestServer::~TestServer() { ::close(fd_); }

int TestServer::accept() const {
  pollfd waiting{fd_, POLLIN, 0};
  return ::poll(&waiting, 1, 30'000) == 1 ? ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
}

void AgentOverSsh::SetUp() {
  if (const auto why = TestSshd::missing(); !why.empty()) GTEST_SKIP() << why;
  ::unsetenv("SSH_AUTH_SOCK");
  sshd_.emplace();
  server_.emplace(sshd_->file("server"));
}

SshAgentOptions AgentOverSsh::options(const std::string& user, const std::string& script,
                                      const std::string& more_config) {
  SshAgentOptions options;
  options.bundle = sshd_->file("bundle.tar.gz");
  TarWriter tar(options.bundle);
  tar.add_text("migrate-agent", script, 0755);
  tar.finish();
  options.bundle_digest = "0123456789abcdef" + std::to_string(std::hash<std::string>{}(script));
  options.host.name = "old";
  options.host.address = "old";
  options.ssh_config = sshd_->config(user, more_config);
  options.server_socket = server_->path();
  return options;
}

std::string read_exactly(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  pollfd waiting{fd, POLLIN, 0};
  while (done < size && ::poll(&waiting, 1, 10'000) == 1) {
    const auto count = ::recv(fd, bytes.data() + done, size - done, 0);
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace migrate
