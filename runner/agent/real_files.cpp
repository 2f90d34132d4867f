#include "runner/agent/real_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace migrate {
namespace {

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Makes a changed entry of a folder durable.
void sync_folder_of(const std::string& path) {
  const OpenFile folder(folder_of(path), O_RDONLY | O_DIRECTORY);
  // Some file systems cannot sync folders (EINVAL): then a rename is as durable there as it gets.
  if (!folder.is_open() || (::fsync(folder.fd()) != 0 && errno != EINVAL))
    fail_with_errno("sync the folder of " + path, errno);
}

timespec to_timespec(std::int64_t nanoseconds) {
  constexpr std::int64_t a_second = 1'000'000'000;
  timespec time{nanoseconds / a_second, nanoseconds % a_second};
  if (time.tv_nsec < 0) {
    time.tv_nsec += a_second;
    --time.tv_sec;
  }
  return time;
}

void write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t size = ::write(fd, content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail_with_errno("write " + path, errno);
    content.remove_prefix(static_cast<std::size_t>(size));
  }
}

/// Content, owner, then mode (a change of owner clears set-user-id); then to disk. The time is now: programs such as
/// cron see by it that a file has changed.
void fill(int fd, std::string_view content, const FileStatus& as, const std::string& path) {
  write_all(fd, content, path);
  struct stat now {};
  if (::fstat(fd, &now) != 0) fail_with_errno("read the status of " + path, errno);
  if ((now.st_uid != as.uid || now.st_gid != as.gid) && ::fchown(fd, as.uid, as.gid) != 0) {
    fail_with_errno("give " + path + " to user " + std::to_string(as.uid) + " and group " + std::to_string(as.gid),
                    errno);
  }
  if (::fchmod(fd, as.mode) != 0) fail_with_errno("set the mode of " + path, errno);
  if (::fsync(fd) != 0) fail_with_errno("write " + path + " to disk", errno);
}

void write_in_place(const std::string& path, std::string_view content, const FileStatus& as) {
  const OpenFile file(path, O_WRONLY | O_TRUNC | O_NOFOLLOW);
  if (!file.is_open()) fail_with_errno("write " + path, errno);
  fill(file.fd(), content, as, path);
}

FileStatus::Kind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileStatus::Kind::file;
  if (S_ISDIR(mode)) return FileStatus::Kind::directory;
  if (S_ISLNK(mode)) return FileStatus::Kind::symlink;
  return FileStatus::Kind::other;
}

std::string link_target(const std::string& path, std::size_t size) {
  std::string target(std::max<std::size_t>(size, 255) + 1, '\0');
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) fail_with_errno("read the link " + path, errno);
  target.resize(static_cast<std::size_t>(length));
  return target;
}

/// Removes what is there half-written, whatever ends the scope.
class RemovedUnlessKept {
 public:
  explicit RemovedUnlessKept(std::string path) : path_(std::move(path)) {}
  ~RemovedUnlessKept() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  RemovedUnlessKept(const RemovedUnlessKept&) = delete;
  RemovedUnlessKept& operator=(const RemovedUnlessKept&) = delete;
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace

void fail_with_errno(const std::string& action, int error) {
  std::string text = "Cannot " + action + ": " + std::strerror(error) + ".";
  if (error == ENOSPC) text += " The file system is full (space or inodes): free some and try again.";
  if (error == EDQUOT) text += " The user's disk quota is used up.";
  if (error == EROFS) text += " The file system is mounted read-only.";
  if (error == EACCES || error == EPERM) {
    text += ::geteuid() == 0 ? " The agent runs as root; the file may be immutable (lsattr) or the file system remote."
                             : " The agent does not run as root on this host: `become: root` may be missing.";
  }
  throw Failure(text);
}

RealFiles::RealFiles(std::string mark, std::function<void(std::string_view)> log)
    : mark_(std::move(mark)), log_(std::move(log)) {}

std::string RealFiles::beside(const std::string& path) const {
  return (folder_of(path) == "/" ? "" : folder_of(path)) + "/." + name_of(path) + ".migrate-" + mark_;
}

std::optional<FileStatus> RealFiles::status(const std::string& path) const {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail_with_errno("read the status of " + path, errno);
  }
  FileStatus status;
  status.kind = kind_of(found.st_mode);
  status.mode = found.st_mode & 07777;
  status.uid = found.st_uid;
  status.gid = found.st_gid;
  status.size = static_cast<std::uint64_t>(found.st_size);
  status.mtime_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
  status.links = found.st_nlink;
  if (status.kind == FileStatus::Kind::symlink) status.target = link_target(path, status.size);
  return status;
}

std::string RealFiles::read(const std::string& path) const {
  const OpenFile file(path, O_RDONLY);
  if (!file.is_open()) fail_with_errno("read " + path, errno);
  std::string content;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t size = ::read(file.fd(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail_with_errno("read " + path, errno);
    if (size == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(size));
  }
}

std::vector<std::string> RealFiles::list(const std::string& directory) const {
  DIR* open_directory = ::opendir(directory.c_str());
  if (open_directory == nullptr) fail_with_errno("list " + directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open_directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  ::closedir(open_directory);
  if (error != 0) fail_with_errno("list " + directory, error);
  std::sort(names.begin(), names.end());
  return names;
}

void RealFiles::write(const std::string& path, std::string_view content, const FileStatus& as) const {
  const std::string temporary = beside(path);
  ::unlink(temporary.c_str());  // of a try that crashed
  const OpenFile file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file.is_open()) fail_with_errno("write " + path, errno);
  RemovedUnlessKept half_written(temporary);
  fill(file.fd(), content, as, path);
  if (::rename(temporary.c_str(), path.c_str()) == 0) {
    half_written.keep();
    return sync_folder_of(path);
  }
  if (errno != EBUSY) fail_with_errno("replace " + path, errno);
  write_in_place(path, content, as);
}

void RealFiles::make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) const {
  if (::mkdir(path.c_str(), 0700) != 0) fail_with_errno("make the folder " + path, errno);
  FileStatus as;
  as.kind = FileStatus::Kind::directory;
  as.mode = mode;
  as.uid = uid;
  as.gid = gid;
  set_status(path, as);
  sync_folder_of(path);
}

void RealFiles::make_directories(const std::string& path, unsigned mode) const {
  if (::mkdir(path.c_str(), mode) == 0) return sync_folder_of(path);
  if (errno == ENOENT && path != "/") {
    make_directories(folder_of(path), mode);
    if (::mkdir(path.c_str(), mode) == 0) return sync_folder_of(path);
  }
  const int error = errno;
  struct stat found {};
  if (error == EEXIST && ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return;
  fail_with_errno("make the folder " + path, error);
}

void RealFiles::make_symlink(const std::string& target, const std::string& path) const {
  if (::symlink(target.c_str(), path.c_str()) != 0) fail_with_errno("make the link " + path + " -> " + target, errno);
  sync_folder_of(path);
}

void RealFiles::rename(const std::string& from, const std::string& to) const {
  const auto there = status(to);
  if (there && there->kind == FileStatus::Kind::directory) fail_with_errno("rename " + from + " to " + to, EEXIST);
  if (::rename(from.c_str(), to.c_str()) != 0) fail_with_errno("rename " + from + " to " + to, errno);
  sync_folder_of(to);
  if (folder_of(from) != folder_of(to)) sync_folder_of(from);
}

void RealFiles::exchange(const std::string& a, const std::string& b) const {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS && errno != EXDEV) fail_with_errno("exchange " + a + " and " + b, errno);
    exchange_by_renames(a, b, errno);
  }
  sync_folder_of(a);
  if (folder_of(a) != folder_of(b)) sync_folder_of(b);
}

void RealFiles::exchange_by_renames(const std::string& a, const std::string& b, int error) const {
  const std::string aside = beside(a);
  if (status(aside))
    throw Failure("Cannot exchange " + a + " and " + b + ": " + aside +
                  " is in the way, left by an exchange that broke off. See what it is and move it.");
  log_("The file system cannot exchange " + a + " and " + b + " at once (" + std::strerror(error) +
       "): three renames do it; for a moment one of them is missing.");
  rename(a, aside);
  try {
    rename(b, a);
  } catch (const Failure&) {
    rename(aside, a);
    throw;
  }
  rename(aside, b);
}

void RealFiles::remove(const std::string& path) const {
  ::unlink(beside(path).c_str());  // what a crashed write() of this path may have left
  const auto found = status(path);
  const bool is_directory = found && found->kind == FileStatus::Kind::directory;
  const int result = is_directory ? ::rmdir(path.c_str()) : ::unlink(path.c_str());
  if (result != 0) fail_with_errno("remove " + path, errno);
  sync_folder_of(path);
}

void RealFiles::set_status(const std::string& path, const FileStatus& as) const {
  const auto now = status(path);
  if (!now) fail_with_errno("set the status of " + path, ENOENT);
  if ((now->uid != as.uid || now->gid != as.gid) && ::lchown(path.c_str(), as.uid, as.gid) != 0) {
    fail_with_errno("give " + path + " to user " + std::to_string(as.uid) + " and group " + std::to_string(as.gid),
                    errno);
  }
  if (now->kind != FileStatus::Kind::symlink && ::chmod(path.c_str(), as.mode) != 0)
    fail_with_errno("set the mode of " + path, errno);
  if (as.mtime_ns == 0) return;
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, to_timespec(as.mtime_ns)};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    fail_with_errno("set the time of " + path, errno);
}

}  // namespace migrate
