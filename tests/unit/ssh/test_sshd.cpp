#include "tests/unit/ssh/test_sshd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace migrate {
namespace {

// What the commands on the host need. Not sudo: a test adds its own.
constexpr const char* tools_of_a_host[] = {"cat", "dirname", "find", "gzip", "id",   "mkdir", "mv",   "rm",
                                           "sh",  "sleep",   "sync", "tar",  "test", "touch", "true", "uname"};

pid_t spawn(const std::vector<std::string>& words, int in, int out) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + words[0]);
  return pid;
}

}  // namespace

SshTestFolder::SshTestFolder() : path_("/tmp/migrate-ssh-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  ::chmod(path_.c_str(), 0755);
}

SshTestFolder::~SshTestFolder() { std::filesystem::remove_all(path_); }

void write_text(const std::string& path, const std::string& text, unsigned mode) {
  std::ofstream(path) << text;
  ::chmod(path.c_str(), mode);
}

std::string read_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void run_program(const std::vector<std::string>& words) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const pid_t pid = spawn(words, null, null);
  ::close(null);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(words[0] + " failed");
}

std::string TestSshd::missing() {
  if (::geteuid() != 0) return "needs root: it starts an sshd with accounts of its own";
  if (::access("/usr/sbin/sshd", X_OK) != 0) return "needs sshd: apt-get install openssh-server";
  if (std::system("unshare -m true 2>/dev/null") != 0) return "needs mount namespaces";
  return "";
}

TestSshd::TestSshd() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0) {
    throw std::runtime_error("cannot listen");
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ::ntohs(address.sin_port);
  write_files();
  thread_ = std::thread([this] { serve(); });
}

TestSshd::~TestSshd() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  cut();
  for (const int pid : pids_) {
    ::kill(pid, SIGTERM);
    ::waitpid(pid, nullptr, 0);
  }
  for (const int socket : sockets_) ::close(socket);
}

void TestSshd::write_files() {
  ::mkdir("/run/sshd", 0755);
  for (const char* key : {"hostkey", "key", "other-key"}) {
    run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", folder_ / key});
  }
  for (const char* home : {"home-root", "home-worker"}) ::mkdir((folder_ / home).c_str(), 0700);
  if (::chown((folder_ / "home-worker").c_str(), 64321, 64321) != 0) throw std::runtime_error("chown");
  write_text(folder_ / "passwd", "root:*:0:0:root:" + home("root") + ":/bin/sh\nworker:*:64321:64321::" +
                                     home("worker") + ":/bin/sh\nsshd:*:101:65534::/run/sshd:/usr/sbin/nologin\n");
  ::mkdir((folder_ / "bin").c_str(), 0755);
  for (const std::string tool : tools_of_a_host) {
    for (const std::string place : {"/usr/bin/", "/bin/"}) {
      if (::access((place + tool).c_str(), X_OK) == 0 && ::access((folder_ / ("bin/" + tool)).c_str(), F_OK) != 0) {
        if (::symlink((place + tool).c_str(), (folder_ / ("bin/" + tool)).c_str()) != 0)
          throw std::runtime_error("link");
      }
    }
  }
  write_text(folder_ / "sshd_config", "HostKey " + (folder_ / "hostkey") + "\nAuthorizedKeysFile " +
                                          (folder_ / "key.pub") +
                                          "\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n"
                                          "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n"
                                          "SetEnv PATH=" +
                                          (folder_ / "bin") + "\n");
  std::istringstream public_key(read_text(folder_ / "hostkey.pub"));
  std::string type, key;
  public_key >> type >> key;
  write_text(known_hosts(), "[127.0.0.1]:" + std::to_string(port_) + " " + type + " " + key + "\n");
}

std::string TestSshd::config(const std::string& user, const std::string& more) const {
  const auto path = folder_ / "ssh_config";
  write_text(path, "Host old\n  HostName 127.0.0.1\n  Port " + std::to_string(port_) + "\n  User " + user + "\n" +
                       more + "  IdentityFile " + key() + "\n  IdentitiesOnly yes\n  UserKnownHostsFile " +
                       known_hosts() + "\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n");
  return path;
}

void TestSshd::add_program(const std::string& name, const std::string& script) {
  write_text(folder_ / ("bin/" + name), script, 0755);
}

void TestSshd::serve() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    pids_.push_back(start(socket));
  }
}

int TestSshd::start(int connection) const {
  return spawn({"unshare", "-m", "/bin/sh", "-c",
                "mount --bind \"$1/passwd\" /etc/passwd && exec /usr/sbin/sshd -i -f \"$1/sshd_config\" -E \"$1/log\"",
                "sh", folder_ / "."},
               connection, connection);
}

void TestSshd::cut() {
  const std::lock_guard lock(mutex_);
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

int TestSshd::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(sockets_.size());
}

}  // namespace migrate
