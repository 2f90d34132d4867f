// A real sshd for the tests of this room: on loopback, on a port of its own, with its own host key, accounts and home
// folders. Needs root (a mount namespace hides the machine's /etc/passwd from it).
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace migrate {

/// A folder that goes with its content. Everybody may look into it.
class SshTestFolder {
 public:
  SshTestFolder();
  ~SshTestFolder();
  SshTestFolder(const SshTestFolder&) = delete;
  SshTestFolder& operator=(const SshTestFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_text(const std::string& path, const std::string& text, unsigned mode = 0644);
std::string read_text(const std::string& path);
/// Throws when the program says no.
void run_program(const std::vector<std::string>& words);

/// Accepts connections itself and starts `sshd -i` for each, so that a test can cut them.
class TestSshd {
 public:
  TestSshd();
  ~TestSshd();
  TestSshd(const TestSshd&) = delete;
  TestSshd& operator=(const TestSshd&) = delete;

  /// "" when it can run here; else why not.
  static std::string missing();

  int port() const { return port_; }
  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The home folder of "root" or "worker" there.
  std::string home(const std::string& user) const { return folder_ / ("home-" + user); }
  /// An ssh_config with the alias "old" for this server.
  std::string config(const std::string& user, const std::string& more = "") const;
  std::string known_hosts() const { return folder_ / "known_hosts"; }
  std::string key() const { return folder_ / "key"; }
  std::string file(const std::string& name) const { return folder_ / name; }
  /// Puts a program into the only folder of the sessions' PATH.
  void add_program(const std::string& name, const std::string& script);

  /// Breaks every connection, as a reset in the network does.
  void cut();
  int connections() const;

 private:
  void write_files();
  void serve();
  int start(int connection) const;

  SshTestFolder folder_;
  int listener_ = -1, port_ = 0;
  mutable std::mutex mutex_;
  std::vector<int> sockets_, pids_;
  std::thread thread_;
};

}  // namespace migrate
