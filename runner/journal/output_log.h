// What the programs of a run printed: one text file per step and host, under STATE/runs/ID/. Not part of the journal:
// nothing depends on it, and losing its last lines in a crash does no harm.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

class OutputLog {
 public:
  OutputLog(const std::string& state_folder, const std::string& run);
  void append(const std::string& step, const std::string& host, std::string_view line);
  /// Lines written so far in this process for that step and host.
  std::size_t lines(const std::string& step, const std::string& host) const;
  const std::string& folder() const { return folder_; }

  struct Entry {
    std::string step, host, path;
  };
  /// The files that there are, of one step or ("") of all.
  static std::vector<Entry> files(const std::string& state_folder, const std::string& run, const std::string& step);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string folder_;
  std::map<std::string, std::unique_ptr<std::FILE, Close>> open_;
  std::map<std::string, std::size_t> lines_;
};

/// Held while a controller carries a run: a second one is refused. Throws std::runtime_error naming the other's pid.
class RunLock {
 public:
  RunLock(const std::string& state_folder, const std::string& run);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace migrate
