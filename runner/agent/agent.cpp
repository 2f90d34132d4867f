#include "runner/agent/agent.h"

#include "runner/agent/agent_loop.h"
#include "runner/agent/launch.h"
#include "runner/agent/real_files.h"
#include "steps/catalogue.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace migrate {
namespace {

constexpr int exit_done = 0;
constexpr int exit_failed = 2;

std::string default_state_folder() {
  return ::geteuid() == 0 ? "/var/lib/migrate/agent" : own_home() + "/.local/state/migrate/agent";
}

/// Moves a standard descriptor out of the way, so that nothing that prints can get between the packets.
int take_over(int standard) {
  const int own = ::fcntl(standard, F_DUPFD_CLOEXEC, 3);
  if (own < 0)
    throw Failure(std::string("The agent has no connection on its standard input and output: ") + std::strerror(errno) +
                  ".");
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, standard);
  if (nothing > 2) ::close(nothing);
  return own;
}

/// Ctrl-C in the controller's terminal, or the end of an ssh session, must not end jobs: they run to their end.
void ignore_terminal_signals() {
  for (const int number : {SIGHUP, SIGINT, SIGPIPE}) ::signal(number, SIG_IGN);
}

}  // namespace

int run_agent(const AgentOptions& given) {
  try {
    AgentOptions options = given;
    if (options.state_folder.empty()) options.state_folder = default_state_folder();
    RealFiles("", [](std::string_view) {}).make_directories(options.state_folder, 0700);
    ignore_terminal_signals();
    own_home();
    const int in = take_over(0), out = take_over(1);
    AgentLoop(std::move(options), in, out, make_action).run();
    return exit_done;
  } catch (const std::exception& error) {
    fmt::print(stderr, "migrate agent: {}\n", error.what());
    return exit_failed;
  }
}

}  // namespace migrate
