// Who runs on this machine: processes by session and group, and an identity that outlives the reuse of a pid. Reads
// /proc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace migrate {

/// A process for as long as the machine is up: pids are reused, a pid with its start is not.
struct ProcessIdentity {
  int pid = 0;
  std::int64_t started = 0;  // clock ticks since boot, from /proc/PID/stat
  std::string boot;          // /proc/sys/kernel/random/boot_id
};

/// Of a process that runs now; `started` is 0 when it doesn't.
ProcessIdentity identity_of(int pid);
/// Whether that very process still runs. A zombie does not.
bool still_runs(const ProcessIdentity& process);

/// Processes whose session or process group has that number; zombies are left out.
std::vector<int> session_members(int session);
std::vector<int> group_members(int group);

/// As started, words joined by spaces; "" when it is gone.
std::string command_line(int pid);

}  // namespace migrate
