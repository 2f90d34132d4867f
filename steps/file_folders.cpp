// The folders above a file (file_state.h): made where they are missing, and only those removed again.
#include "steps/file_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {

namespace {

/// All folders above `path` but "/", outermost first.
std::vector<std::string> folders_above(const std::string& path) {
  std::vector<std::string> folders;
  for (std::string folder = folder_of(path); folder != "/"; folder = folder_of(folder)) folders.push_back(folder);
  std::reverse(folders.begin(), folders.end());
  return folders;
}

bool was_missing(const std::string& folder, const State& state) {
  auto found = state.find(file_key(folder));
  return found != state.end() && found->second.is_null();
}

/// The owner of the innermost of `folders` that is there by `state`; root above all.
std::pair<unsigned, unsigned> owner_by(const std::vector<std::string>& folders, const State& state) {
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    auto found = state.find(file_key(*folder));
    if (found == state.end() || !is_kind(found->second, "directory")) continue;
    FileStatus status = status_in(found->second);
    return {status.uid, status.gid};
  }
  return {0, 0};
}

}  // namespace

void probe_folders(System& system, const std::string& path, State& state) {
  for (const std::string& folder : folders_above(path)) {
    std::optional<FileStatus> status = system.status(folder);
    boost::json::value& value = state[file_key(folder)];
    if (!status) continue;
    if (status->kind != FileStatus::Kind::directory && status->kind != FileStatus::Kind::symlink) {
      throw Failure("Cannot reach " + path + ": " + folder + " is no directory.");
    }
    // A symlinked folder (/var/run) counts as the folder that it leads to.
    value = boost::json::object{
        {"kind", "directory"}, {"uid", std::int64_t{status->uid}}, {"gid", std::int64_t{status->gid}}};
  }
}

std::vector<std::string> predict_folders(const std::string& path, const State& state, State& after) {
  std::vector<std::string> made;
  auto [uid, gid] = folder_owner(path, state);
  for (const std::string& folder : folders_above(path)) {
    if (!was_missing(folder, state)) continue;
    after[file_key(folder)] =
        boost::json::object{{"kind", "directory"}, {"uid", std::int64_t{uid}}, {"gid", std::int64_t{gid}}};
    made.push_back(folder);
  }
  return made;
}

void make_folders(System& system, const std::string& path, const State& before) {
  auto [uid, gid] = folder_owner(path, before);
  for (const std::string& folder : folders_above(path)) {
    if (was_missing(folder, before) && !system.status(folder)) system.make_directory(folder, 0755, uid, gid);
  }
}

void remove_folders(System& system, const std::string& path, const State& before) {
  std::vector<std::string> folders = folders_above(path);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    if (!was_missing(*folder, before) || !system.status(*folder)) continue;
    if (!system.list(*folder).empty()) {
      system.log(fmt::format("{} was made by this step, but holds other things now: it stays.", *folder));
      return;
    }
    system.remove(*folder);
  }
}

std::pair<unsigned, unsigned> folder_owner(const std::string& path, const State& state) {
  return owner_by(folders_above(path), state);
}

}  // namespace migrate
