// The file system as System wants it: every function does what it says durably, or throws Failure with the path and the
// system's reason. Paths are absolute.
#pragma once

#include "steps/system.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

class RealFiles {
 public:
  /// `mark` makes the names of temporary files (.NAME.migrate-MARK): the same for all jobs of a run, so that what a
  /// crash leaves behind is replaced by the next try. `log` is told when something cannot be done as well as promised.
  RealFiles(std::string mark, std::function<void(std::string_view)> log);

  std::optional<FileStatus> status(const std::string& path) const;
  std::string read(const std::string& path) const;
  std::vector<std::string> list(const std::string& directory) const;
  /// Mode and owner of `as`; its time is now. Where the file cannot be replaced (a bind mount, such as /etc/hosts in a
  /// container) it is written in place.
  void write(const std::string& path, std::string_view content, const FileStatus& as) const;
  void make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) const;
  /// With all that is missing above it; each with `mode`, as the agent's own user.
  void make_directories(const std::string& path, unsigned mode) const;
  void make_symlink(const std::string& target, const std::string& path) const;
  /// Never replaces a folder, not even an empty one.
  void rename(const std::string& from, const std::string& to) const;
  /// Where the file system cannot exchange: three renames, said so by `log`.
  void exchange(const std::string& a, const std::string& b) const;
  void remove(const std::string& path) const;
  void set_status(const std::string& path, const FileStatus& as) const;

 private:
  std::string beside(const std::string& path) const;
  void exchange_by_renames(const std::string& a, const std::string& b, int error) const;

  std::string mark_;
  std::function<void(std::string_view)> log_;
};

/// "Cannot ACTION: REASON", with plain words for what an operator can do something about (a full disk, a read-only
/// file system, a missing permission).
[[noreturn]] void fail_with_errno(const std::string& action, int error);

}  // namespace migrate
