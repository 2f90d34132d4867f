// The files of a FakeSystem: a map of absolute paths.
#include "tests/support/fake_system.h"

#include <algorithm>

namespace migrate {

namespace {

std::string folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool lies_in(const std::string& path, const std::string& folder) { return path.rfind(folder + "/", 0) == 0; }

}  // namespace

FakeSystem& FakeSystem::add_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) {
  if (path != "/") {
    std::string above = folder_of(path);
    if (nodes_.count(above) == 0) add_directory(above);
  }
  FileStatus& status = nodes_[path].status;
  status.kind = FileStatus::Kind::directory;
  status.mode = mode;
  status.uid = uid;
  status.gid = gid;
  return *this;
}

FakeSystem& FakeSystem::add_file(const std::string& path, std::string content, unsigned mode, unsigned uid,
                                 unsigned gid) {
  if (nodes_.count(folder_of(path)) == 0) add_directory(folder_of(path));
  Node& made = nodes_[path];
  made.status = FileStatus{};
  made.status.mode = mode;
  made.status.uid = uid;
  made.status.gid = gid;
  made.status.size = content.size();
  made.status.mtime_ns = tick() + 123456789;  // no round seconds: what drops the fraction shall be seen
  made.content = std::move(content);
  return *this;
}

FakeSystem& FakeSystem::add_symlink(const std::string& path, const std::string& target) {
  if (nodes_.count(folder_of(path)) == 0) add_directory(folder_of(path));
  FileStatus& status = nodes_[path].status;
  status = FileStatus{};
  status.kind = FileStatus::Kind::symlink;
  status.mode = 0777;
  status.target = target;
  status.size = target.size();
  return *this;
}

FakeSystem::Node& FakeSystem::node(const std::string& path) {
  auto found = nodes_.find(path);
  if (found == nodes_.end()) throw Failure(path + ": no such file or directory.");
  return found->second;
}

void FakeSystem::require_folder_of(const std::string& path) {
  if (node(folder_of(path)).status.kind != FileStatus::Kind::directory)
    throw Failure(folder_of(path) + " is no directory.");
}

std::optional<FileStatus> FakeSystem::status(const std::string& path) {
  auto found = nodes_.find(path);
  if (found == nodes_.end()) return std::nullopt;
  return found->second.status;
}

std::string FakeSystem::read(const std::string& path) {
  Node& found = node(path);
  if (found.status.kind == FileStatus::Kind::symlink) {
    const std::string& target = found.status.target;
    return read(target.rfind('/', 0) == 0 ? target : folder_of(path) + "/" + target);
  }
  if (found.status.kind != FileStatus::Kind::file) throw Failure("Cannot read " + path + ": it is a directory.");
  return found.content;
}

std::vector<std::string> FakeSystem::list(const std::string& directory) {
  if (node(directory).status.kind != FileStatus::Kind::directory) throw Failure(directory + " is no directory.");
  std::vector<std::string> names;
  for (const auto& [path, unused] : nodes_) {
    if (path != "/" && folder_of(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void FakeSystem::write(const std::string& path, std::string_view content, const FileStatus& as) {
  require_folder_of(path);
  auto old = nodes_.find(path);
  if (old != nodes_.end() && old->second.status.kind == FileStatus::Kind::directory)
    throw Failure(path + " is a directory.");
  writing("write " + path, [&] {
    Node made;
    made.content = content;
    made.status.mode = as.mode;
    made.status.uid = as.uid;
    made.status.gid = as.gid;
    made.status.size = content.size();
    made.status.mtime_ns = tick();
    nodes_[path] = made;
  });
}

void FakeSystem::make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) {
  require_folder_of(path);
  if (nodes_.count(path) != 0) throw Failure("Cannot make the directory " + path + ": file exists.");
  writing("make the directory " + path, [&] { add_directory(path, mode, uid, gid); });
}

void FakeSystem::make_symlink(const std::string& target, const std::string& path) {
  require_folder_of(path);
  if (nodes_.count(path) != 0) throw Failure("Cannot make the symlink " + path + ": file exists.");
  writing("make the symlink " + path, [&] { add_symlink(path, target); });
}

void FakeSystem::move_tree(const std::string& from, const std::string& to) {
  std::map<std::string, Node> moved;
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    if (at->first != from && !lies_in(at->first, from)) {
      ++at;
      continue;
    }
    moved[to + at->first.substr(from.size())] = at->second;
    at = nodes_.erase(at);
  }
  for (auto& [path, moved_node] : moved) nodes_[path] = std::move(moved_node);
}

void FakeSystem::rename(const std::string& from, const std::string& to) {
  bool is_directory = node(from).status.kind == FileStatus::Kind::directory;
  require_folder_of(to);
  auto there = nodes_.find(to);
  if (there != nodes_.end() && (is_directory || there->second.status.kind == FileStatus::Kind::directory)) {
    throw Failure("Cannot rename " + from + " to " + to + ": it exists.");
  }
  writing("rename " + from, [&] {
    nodes_.erase(to);
    move_tree(from, to);
  });
}

void FakeSystem::exchange(const std::string& a, const std::string& b) {
  node(a);
  node(b);
  writing("exchange " + a + " and " + b, [&] {
    move_tree(a, "/.exchange");
    move_tree(b, a);
    move_tree("/.exchange", b);
  });
}

void FakeSystem::remove(const std::string& path) {
  if (node(path).status.kind == FileStatus::Kind::directory && !list(path).empty()) {
    throw Failure("Cannot remove " + path + ": directory not empty.");
  }
  writing("remove " + path, [&] { nodes_.erase(path); });
}

void FakeSystem::set_status(const std::string& path, const FileStatus& as) {
  FileStatus& status = node(path).status;
  writing("set the mode and owner of " + path, [&] {
    if (status.kind != FileStatus::Kind::symlink) status.mode = as.mode;
    status.uid = as.uid;
    status.gid = as.gid;
    status.mtime_ns = as.mtime_ns;
  });
}

std::string FakeSystem::keep_folder() {
  const std::string folder = "/var/lib/migrate/keep";
  if (nodes_.count(folder) == 0) writing("make " + folder, [&] { add_directory(folder, 0700); });
  return folder;
}

}  // namespace migrate
