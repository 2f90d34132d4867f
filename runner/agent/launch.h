// What a program's process needs between fork and exec, all resolved before the fork: looking up users and programs
// takes locks and memory that a forked process may not rely on.
#pragma once

#include "steps/system.h"

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace migrate {

/// The PATH of the clean environment.
inline constexpr const char* clean_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Launch {
  struct UserSwitch {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
  };

  std::string program;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // NAME=value
  std::string chdir;
  std::optional<UserSwitch> user;
  std::map<int, int> fds;  // the child's descriptor -> ours
};

/// Throws Failure when the program or the user doesn't exist.
Launch prepare_launch(const Command& command, const std::map<int, int>& fds);

/// The home folder of the agent's own user; asked once, so that forked processes need not.
const std::string& own_home();

/// What went wrong before the program ran; travels from the child as it is.
struct LaunchError {
  enum class Stage { descriptors, folder, user, exec };
  Stage stage = Stage::exec;
  int error = 0;
};

/// In the forked child: becomes the program. On an error writes a LaunchError to `report_fd` and exits.
[[noreturn]] void become_program(const Launch& launch, int report_fd, pid_t parent);

/// The sentence for it.
std::string describe(const LaunchError& error, const Launch& launch, const Command& command);

}  // namespace migrate
