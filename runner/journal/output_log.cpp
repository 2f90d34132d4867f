#include "runner/journal/output_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <stdexcept>

namespace migrate {
namespace {

std::string run_folder(const std::string& state_folder, const std::string& run) {
  return state_folder + "/runs/" + run;
}

/// "5.4" and "old" -> "5.4@old"; "5.4/undo" -> "5.4_undo@old"
std::string file_key(const std::string& step, const std::string& host) {
  std::string key = step + "@" + (host.empty() ? "-" : host);
  std::replace(key.begin(), key.end(), '/', '_');
  return key;
}

std::string clock_now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

}  // namespace

OutputLog::OutputLog(const std::string& state_folder, const std::string& run) : folder_(run_folder(state_folder, run)) {
  std::filesystem::create_directories(folder_);
}

void OutputLog::append(const std::string& step, const std::string& host, std::string_view line) {
  const std::string key = file_key(step, host);
  auto& file = open_[key];
  if (!file) file.reset(std::fopen((folder_ + "/" + key + ".log").c_str(), "ae"));
  if (!file) return;
  std::fputs((clock_now() + " ").c_str(), file.get());
  std::fwrite(line.data(), 1, line.size(), file.get());
  std::fputc('\n', file.get());
  std::fflush(file.get());
  ++lines_[key];
}

std::size_t OutputLog::lines(const std::string& step, const std::string& host) const {
  const auto found = lines_.find(file_key(step, host));
  return found == lines_.end() ? 0 : found->second;
}

std::vector<OutputLog::Entry> OutputLog::files(const std::string& state_folder, const std::string& run,
                                               const std::string& step) {
  std::vector<Entry> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder(state_folder, run), none)) {
    const std::string name = entry.path().filename().string();
    const auto at = name.find('@');
    if (!name.ends_with(".log") || at == std::string::npos) continue;
    const std::string of = name.substr(0, at);
    if (!step.empty() && of != step && !of.starts_with(step + "_")) continue;
    found.push_back({of, name.substr(at + 1, name.size() - at - 5), entry.path().string()});
  }
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return found;
}

RunLock::RunLock(const std::string& state_folder, const std::string& run) {
  std::filesystem::create_directories(run_folder(state_folder, run));
  const std::string path = run_folder(state_folder, run) + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) throw std::runtime_error("cannot open " + path + ": " + std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    char pid[32] = {};
    const auto got = ::read(fd_, pid, sizeof pid - 1);
    ::close(fd_);
    throw std::runtime_error(fmt::format("run {} is being carried by another migrate on this machine (process {})", run,
                                         got > 0 ? std::string(pid) : "unknown"));
  }
  const std::string mine = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::write(fd_, mine.data(), mine.size()) < 0) {
    // the lock holds without the number in it
  }
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace migrate
