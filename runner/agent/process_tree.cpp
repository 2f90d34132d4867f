#include "runner/agent/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

namespace migrate {
namespace {

struct ProcessStat {
  char state = '?';
  int group = 0;
  int session = 0;
  std::int64_t started = 0;
};

/// At most 4 KiB, in one read: what /proc gives is consistent only within one.
std::string read_small_file(const std::string& path) {
  std::array<char, 4096> bytes;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const ssize_t size = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : "";
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// proc(5): "pid (name) state ppid pgrp session ... starttime", the name may hold anything, also parentheses.
std::optional<ProcessStat> stat_of(int pid) {
  const std::string text = read_small_file("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  constexpr int first_field = 3, state_field = 3, group_field = 5, session_field = 6, start_field = 22;
  ProcessStat stat;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  for (int field = first_field; field <= start_field && !rest.empty(); ++field) {
    const auto word = rest.substr(0, rest.find(' '));
    if (field == state_field) stat.state = word.empty() ? '?' : word.front();
    if (field == group_field) stat.group = static_cast<int>(number(word));
    if (field == session_field) stat.session = static_cast<int>(number(word));
    if (field == start_field) stat.started = number(word);
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return stat;
}

bool runs(const ProcessStat& stat) { return stat.state != 'Z' && stat.state != 'X'; }

std::vector<int> processes_where(const std::function<bool(const ProcessStat&)>& wanted) {
  std::vector<int> found;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    const int pid = static_cast<int>(number(entry->d_name));
    if (pid <= 0) continue;
    const auto stat = stat_of(pid);
    if (stat && runs(*stat) && wanted(*stat)) found.push_back(pid);
  }
  ::closedir(directory);
  return found;
}

const std::string& boot_id() {
  static const std::string id = [] {
    std::string text = read_small_file("/proc/sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }();
  return id;
}

}  // namespace

ProcessIdentity identity_of(int pid) {
  const auto stat = stat_of(pid);
  return {pid, stat ? stat->started : 0, boot_id()};
}

bool still_runs(const ProcessIdentity& process) {
  if (process.pid <= 0 || process.boot != boot_id()) return false;
  const auto stat = stat_of(process.pid);
  return stat && runs(*stat) && stat->started == process.started;
}

std::vector<int> session_members(int session) {
  return processes_where([session](const ProcessStat& stat) { return stat.session == session; });
}

std::vector<int> group_members(int group) {
  return processes_where([group](const ProcessStat& stat) { return stat.group == group; });
}

std::string command_line(int pid) {
  std::string text = read_small_file("/proc/" + std::to_string(pid) + "/cmdline");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& byte : text) {
    if (byte == '\0') byte = ' ';
  }
  return text;
}

}  // namespace migrate
