#include "runner/agent/launch.h"

#include "runner/agent/inherited.h"
#include "runner/agent/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace migrate {
namespace {

struct Account {
  std::string name, home;
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<Account> account_from(const passwd* entry) {
  if (entry == nullptr) return std::nullopt;
  return Account{entry->pw_name, entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

std::vector<gid_t> groups_of(const Account& account) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Account find_account(const std::string& user) {
  const auto account = account_from(::getpwnam(user.c_str()));
  if (!account) throw Failure("There is no user " + user + " on this host.");
  if (account->uid != ::geteuid() && ::geteuid() != 0) {
    throw Failure("Cannot run a program as " + user +
                  ": the agent on this host does not run as root. Say `become: root` for it.");
  }
  return *account;
}

std::string resolve_program(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) throw Failure("A command without a program cannot be run.");
  const std::string& name = command.argv.front();
  if (name.find('/') != std::string::npos) return name;
  std::string path = find_program(name);
  if (path.empty())
    throw Failure(name + " is not installed on this host (not found in " + clean_path + ").", name, 127);
  return path;
}

std::vector<std::string> make_environment(const Command& command, const std::optional<Account>& account) {
  std::map<std::string, std::string> env{{"PATH", clean_path}, {"LANG", "C.UTF-8"}};
  env["HOME"] = account ? account->home : own_home();
  if (account) env["USER"] = env["LOGNAME"] = account->name;
  for (const auto& [name, value] : command.env) env[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : env) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts)
    all.push_back(const_cast<char*>(text.c_str()));  // execve takes them so, and reads only
  all.push_back(nullptr);
  return all;
}

/// First all out of the way of the numbers that are wanted, then each to its place. Returns false with errno set.
bool arrange_descriptors(std::map<int, int> fds, int& report_fd) {
  for (const int standard : {0, 1, 2}) {
    if (fds.count(standard) == 0) fds[standard] = -1;
  }
  const int above = fds.rbegin()->first + 1;
  const int report_above = ::fcntl(report_fd, F_DUPFD_CLOEXEC, above);
  if (report_above < 0) return false;
  report_fd = report_above;
  for (auto& [wanted, ours] : fds) {
    const int source = ours >= 0 ? ours : ::open("/dev/null", O_RDWR);
    ours = ::fcntl(source, F_DUPFD_CLOEXEC, above);
    if (ours < 0) return false;
  }
  std::vector<int> kept{report_fd};
  for (const auto& [wanted, ours] : fds) {
    if (::dup2(ours, wanted) < 0) return false;
    kept.push_back(wanted);
  }
  close_descriptors_except(kept);
  return true;
}

bool switch_user(const Launch::UserSwitch& user) {
  return ::setgroups(user.groups.size(), user.groups.data()) == 0 && ::setresgid(user.gid, user.gid, user.gid) == 0 &&
         ::setresuid(user.uid, user.uid, user.uid) == 0;
}

[[noreturn]] void give_up(int report_fd, LaunchError::Stage stage) {
  const LaunchError error{stage, errno};
  [[maybe_unused]] const ssize_t written = ::write(report_fd, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

const std::string& own_home() {
  static const std::string home = [] {
    const auto account = account_from(::getpwuid(::geteuid()));
    return account ? account->home : std::string("/");
  }();
  return home;
}

std::string find_program(const std::string& name) {
  std::string_view rest = clean_path;
  while (!rest.empty()) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    std::string path = std::string(folder) + "/" + name;
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

Launch prepare_launch(const Command& command, const std::map<int, int>& fds) {
  Launch launch;
  launch.program = resolve_program(command);
  std::optional<Account> account;
  if (!command.user.empty()) account = find_account(command.user);
  if (account && account->uid != ::geteuid())
    launch.user = Launch::UserSwitch{account->uid, account->gid, groups_of(*account)};
  launch.argv = command.argv;
  launch.env = make_environment(command, account);
  launch.chdir = command.chdir.empty() ? "/" : command.chdir;
  launch.fds = fds;
  return launch;
}

void become_program(const Launch& launch, int report_fd, pid_t parent) {
  using Stage = LaunchError::Stage;
  const auto argv = pointers(launch.argv);
  const auto env = pointers(launch.env);
  ::setpgid(0, 0);
  reset_signals();
  if (!arrange_descriptors(launch.fds, report_fd)) give_up(report_fd, Stage::descriptors);
  ::umask(022);
  if (launch.user && !switch_user(*launch.user)) give_up(report_fd, Stage::user);
  if (::chdir(launch.chdir.c_str()) != 0) give_up(report_fd, Stage::folder);
  // After the switch of the user, which clears it. If our parent died before, nobody would tell us.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::execve(launch.program.c_str(), argv.data(), env.data());
  give_up(report_fd, Stage::exec);
}

std::string describe(const LaunchError& error, const Launch& launch, const Command& command) {
  const std::string reason = std::strerror(error.error);
  const std::string start = "Cannot start " + launch.program;
  switch (error.stage) {
    case LaunchError::Stage::descriptors:
      return start + ": its input and output cannot be set up: " + reason + ".";
    case LaunchError::Stage::folder:
      return start + " in the folder " + launch.chdir + ": " + reason + ".";
    case LaunchError::Stage::user:
      return start + " as " + command.user + ": " + reason + ".";
    case LaunchError::Stage::exec:
      break;
  }
  const bool exists = ::access(launch.program.c_str(), F_OK) == 0;
  if (error.error == ENOENT && exists) return start + ": the interpreter that its first line names does not exist.";
  if (error.error == ENOENT) return launch.program + " does not exist on this host.";
  if (error.error == ENOEXEC)
    return start + ": it is neither a program of this machine's kind nor a script with a #! line.";
  return start + ": " + reason + ".";
}

}  // namespace migrate
