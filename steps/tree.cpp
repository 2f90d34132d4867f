#include "steps/tree.h"

#include "steps/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace migrate {
namespace {

/// sh with `script`, whose $1 and $2 are the paths.
Command shell(const std::string& script, const std::string& first, const std::string& second, bool reads_only) {
  Command command;
  command.argv = {"sh", "-c", script, "sh", first, second};
  command.reads_only = reads_only;
  return command;
}

std::string run_or_fail(System& system, const Command& command, const std::string& what) {
  const Exit exit = system.run(command);
  if (!exit.ok()) throw Failure(what + ": " + last_lines(exit.err, 3, ""), command.argv.front(), exit.code);
  return exit.out;
}

/// find's complaints. A name that vanished while it looked is none: the tree of a running service changes.
void require_all_was_read(const std::string& errors, const std::string& path) {
  std::istringstream lines(errors);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.find("No such file or directory") == std::string::npos) {
      throw Failure("Cannot read all of " + path + ": " + printable(line));
    }
  }
}

bool is_on_a_file_system_of_its_own(System& system, const std::string& path) {
  Command command;
  command.argv = {"stat", "-c", "%d", "--", path, path + "/.."};
  command.reads_only = true;
  std::istringstream devices(run_or_fail(system, command, "Cannot look at " + path));
  std::string own, parents;
  devices >> own >> parents;
  return own != parents;
}

void remove_tree(System& system, const std::string& path) {
  if (!system.status(path)) return;
  Command command;
  command.argv = {"rm", "-rf", "--one-file-system", "--", path};
  run_or_fail(system, command, "Cannot remove " + path);
}

/// Bytes that a copy takes, and that are free where it would go.
struct Room {
  std::uint64_t needed = 0, free = 0;
};

Room room_for_copy(System& system, const std::string& path) {
  const auto script = R"(du -s -B1 -- "$1" | cut -f1; df -B1 --output=avail -- "$1/.." | tail -n 1)";
  std::istringstream numbers(
      run_or_fail(system, shell(script, path, "", true), "Cannot see how much room a copy of " + path + " takes"));
  Room room;
  numbers >> room.needed >> room.free;
  return room;
}

std::string unfinished(const std::string& aside) { return aside + ".unfinished"; }
std::string replaced(const std::string& aside) { return aside + ".replaced"; }

/// Where `path` is a mount point nothing can take its place: what is in it is made equal instead.
void restore_into_mount(System& system, const std::string& path, const std::string& aside) {
  Command command;
  command.argv = {"rsync",     "-aHAX",   "--numeric-ids", "--delete", "--ignore-times", "--modify-window=-1",
                  aside + "/", path + "/"};
  run_or_fail(system, command, fmt::format("Cannot put {} back from {}, where it is kept", path, aside));
  system.rename(aside, replaced(aside));
}

}  // namespace

std::string real_path(System& system, const std::string& path) {
  Command command;
  command.argv = {"realpath", "-m", "-z", "--", path};
  command.reads_only = true;
  std::string real = run_or_fail(system, command, "Cannot resolve " + path);
  real.erase(std::find(real.begin(), real.end(), '\0'), real.end());
  return real;
}

TreeSize tree_size(System& system, const std::string& path) {
  const auto script = R"(cd -- "$1" && find . \( -type f -o -type l \) -printf '%y %s\n' |
    awk '$1 == "f" { files++ } { bytes += $2 } END { printf "%.0f %.0f\n", files, bytes }')";
  const Exit exit = system.run(shell(script, path, "", true));
  require_all_was_read(exit.err, path);
  std::istringstream numbers(exit.out);
  TreeSize size;
  if (!exit.ok() || !(numbers >> size.files >> size.bytes)) throw Failure("Cannot count the files in " + path + ".");
  return size;
}

boost::json::value tree_fingerprint(System& system, const std::string& path) {
  const auto status = system.status(path);
  if (!status) return nullptr;
  if (status->kind != FileStatus::Kind::directory) throw Failure(path + " is there, but it isn't a directory.");
  const TreeSize size = tree_size(system, path);
  // A directory's size and number of links tell of what was in it once, and of its file system.
  const auto script = R"(cd -- "$1" && find . -type d -printf 'd %m %U %G %T@ %p\0' \
    -o -printf '%y %m %U %G %s %n %T@ %p -> %l\0' | LC_ALL=C sort -z | sha256sum)";
  const Exit exit = system.run(shell(script, path, "", true));
  require_all_was_read(exit.err, path);
  if (!exit.ok() || exit.out.size() < 64) throw Failure("Cannot take a digest of " + path + ".");
  return boost::json::object{{"files", size.files}, {"bytes", size.bytes}, {"digest", exit.out.substr(0, 64)}};
}

void copy_tree_aside(System& system, const std::string& path, const std::string& aside) {
  if (system.status(aside)) return;
  remove_tree(system, unfinished(aside));
  const Room room = room_for_copy(system, path);
  const bool fits = room.needed < room.free;
  Command command;
  command.argv = {"cp", "-a", fits ? "--reflink=auto" : "--reflink=always", "--", path, unfinished(aside)};
  const Exit exit = system.run(command);
  if (!exit.ok()) {
    remove_tree(system, unfinished(aside));
    if (fits)
      throw Failure(fmt::format("Cannot set {} aside: {}", path, last_lines(exit.err, 3, "")), "cp -a", exit.code);
    throw Failure(
        fmt::format("There is no room to set {} aside before it is changed: that takes {} bytes, {} are free.", path,
                    room.needed, room.free));
  }
  Command sync;
  sync.argv = {"sync", "-f", "--", unfinished(aside)};
  run_or_fail(system, sync, "Cannot write the copy of " + path + " to the disk");
  system.rename(unfinished(aside), aside);
}

void put_tree_back(System& system, const std::string& path, const std::string& aside, bool existed) {
  const bool kept = existed && system.status(aside).has_value();
  const bool present = system.status(path).has_value();
  if (kept && present && is_on_a_file_system_of_its_own(system, path)) {
    restore_into_mount(system, path, aside);
  } else if ((kept || !existed) && present) {
    remove_tree(system, replaced(aside));
    system.rename(path, replaced(aside));
  }
  if (kept && system.status(aside)) system.rename(aside, path);
  remove_tree(system, replaced(aside));
  remove_tree(system, unfinished(aside));
}

}  // namespace migrate
