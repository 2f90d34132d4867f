#include "runner/local_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace migrate {
namespace {

constexpr int greeting_timeout_ms = 10000;
constexpr std::string_view greeting = "migrate-agent 1\n";

/// This program. In a bundle /proc/self/exe is the loader, and the start script says what to start.
std::string own_program() {
  const char* script = std::getenv("MIGRATE_PROGRAM");
  return script && *script ? script : std::filesystem::read_symlink("/proc/self/exe").string();
}

std::vector<std::string> agent_command(const Host& host, const std::string& state_folder) {
  std::vector<std::string> argv;
  if (host.become == "root" && ::geteuid() != 0) argv = {"sudo", "-n"};
  argv.insert(argv.end(), {own_program(), "agent", "--stdio", "--name", host.name});
  if (!state_folder.empty()) argv.insert(argv.end(), {"--state", state_folder});
  return argv;
}

/// Reads exactly the greeting, byte by byte: what follows belongs to the protocol.
void read_greeting(int fd, int errors, const std::string& name) {
  std::string got;
  while (got.size() < greeting.size()) {
    pollfd waiting{fd, POLLIN, 0};
    char byte = 0;
    if (::poll(&waiting, 1, greeting_timeout_ms) <= 0 || ::read(fd, &byte, 1) <= 0) break;
    got += byte;
  }
  if (got == greeting) return;
  std::string said(4096, '\0');
  pollfd waiting{errors, POLLIN, 0};
  const auto size = ::poll(&waiting, 1, 200) > 0 ? ::read(errors, said.data(), said.size()) : 0;
  said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  while (said.ends_with('\n')) said.pop_back();
  throw std::runtime_error("the local agent of host " + name + " did not start" + (said.empty() ? "" : ": " + said));
}

}  // namespace

int start_local_agent(const Host& host, const std::string& state_folder) {
  int ends[2], errors[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error(std::string("cannot make a socket pair: ") + std::strerror(errno));
  }
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, ends[1], 0);
  ::posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&files, errors[1], 2);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // Ctrl-C at the terminal is not meant for it

  const std::vector<std::string> command = agent_command(host, state_folder);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  ::close(errors[1]);
  try {
    if (failed != 0)
      throw std::runtime_error("cannot start the local agent (" + command[0] + "): " + std::strerror(failed));
    read_greeting(ends[0], errors[0], host.name);
  } catch (...) {
    ::close(ends[0]);
    ::close(errors[0]);
    throw;
  }
  ::close(errors[0]);
  return ends[0];
}

}  // namespace migrate
