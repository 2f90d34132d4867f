// System in memory: a machine with files, users, services, Apache's tools, a DNS server, web pages and a clock that
// only the test moves. It can fail at every single write, and say whether two machines are the same.
//
//   FakeSystem machine;
//   machine.add_file("/etc/cron.d/x", "* * * * * root true\n");
//   machine.add_service("cron", "active");
//   machine.fail_at_write(2, FakeSystem::Fault::before);
//
// Programs that it knows: systemctl, journalctl, apache2ctl, a2enmod, a2dismod, getent; others by add_program().
#pragma once

#include "steps/system.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace migrate {

class FakePipes;

class FakeSystem : public System {
 public:
  /// What a program does: it may change the machine, and its Command::input is what it was fed.
  using Program = std::function<Exit(FakeSystem&, const Command&)>;

  struct Node {
    FileStatus status;
    std::string content;
  };
  struct Service {
    std::string active = "inactive";  // active, inactive, failed, activating ...
    std::string enabled = "enabled";
    std::function<std::string(FakeSystem&)> refuses = {};  // why it cannot start or reload now, or ""
    std::vector<std::string> journal = {};
    int starts = 0;  // how often it was started, restarted or reloaded
  };
  enum class Fault {
    before,  // that write fails and did not happen; later ones work
    after,   // that write happened, but its caller is told that it failed; later ones work
    crash,   // that write and all later ones fail and don't happen: the process was killed there
  };

  FakeSystem();
  ~FakeSystem() override;

  // --- the world, set up by a test (none of these count as writes). Missing folders above a path are made.
  FakeSystem& add_file(const std::string& path, std::string content, unsigned mode = 0644, unsigned uid = 0,
                       unsigned gid = 0);
  FakeSystem& add_directory(const std::string& path, unsigned mode = 0755, unsigned uid = 0, unsigned gid = 0);
  FakeSystem& add_symlink(const std::string& path, const std::string& target);
  FakeSystem& add_user(const std::string& name, unsigned uid, unsigned gid);
  FakeSystem& add_service(const std::string& name, const std::string& active, const std::string& enabled = "enabled");
  FakeSystem& add_program(const std::string& name, Program program);
  FakeSystem& remove_program(const std::string& name);
  /// Apache with these modules available ("proxy_http: proxy" depends on proxy), a service and its tools. A file with
  /// the word BROKEN in sites-enabled makes configtest fail.
  FakeSystem& add_apache(const std::vector<std::string>& modules);
  /// An answer for a URL; with `connect_to`, only for requests that name it.
  FakeSystem& add_page(const std::string& url, HttpResponse response, const std::string& connect_to = "");
  FakeSystem& add_zone(const std::string& zone);
  FakeSystem& add_records(const std::string& zone, const std::string& name, const std::string& type, std::uint32_t ttl,
                          std::vector<std::string> values);
  /// From now on updates must be signed with this key.
  FakeSystem& require_dns_key(DnsKey key);
  /// Joins the two machines' pipes: target's accept_pipe() and source's connect_pipe(). Run each seat in its own
  /// thread.
  static void join_pipes(FakeSystem& source, FakeSystem& target);
  /// The source's end breaks when it has sent so many frames.
  void break_pipe_after(int frames);

  // --- faults
  void fail_at_write(int number, Fault fault);  // counted from 1, from now
  void forget_faults();
  int writes() const { return writes_; }  // since it was made

  // --- what became of it
  /// Everything that lasts, as text: files (mode, owner, content; mtime of files), services, zones; not the keep
  /// folder.
  std::string fingerprint() const;
  const std::vector<std::string>& log_lines() const { return log_; }
  const std::vector<std::vector<std::string>>& commands() const { return commands_; }
  Service& service(const std::string& name) { return services_.at(name); }
  std::map<std::string, Node>& nodes() { return nodes_; }
  std::map<std::pair<std::string, std::string>, DnsRecordSet>& zone(const std::string& name) { return zones_.at(name); }
  void set_run_id(std::string id) { run_id_ = std::move(id); }

  // --- System
  Exit run(const Command& command) override;
  bool has_program(const std::string& name) override;
  std::optional<FileStatus> status(const std::string& path) override;
  std::string read(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  void write(const std::string& path, std::string_view content, const FileStatus& as) override;
  void make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) override;
  void make_symlink(const std::string& target, const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  void exchange(const std::string& a, const std::string& b) override;
  void remove(const std::string& path) override;
  void set_status(const std::string& path, const FileStatus& as) override;
  std::optional<std::pair<unsigned, unsigned>> user(const std::string& name) override;
  std::optional<unsigned> group(const std::string& name) override;
  std::string keep_folder() override;
  std::string run_id() override { return run_id_; }
  HttpResponse http(const HttpRequest& request) override;
  DnsRecordSet dns_query(const std::string& server, const std::string& name, const std::string& type) override;
  std::string dns_zone(const std::string& server, const std::string& name) override;
  void dns_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) override;
  std::unique_ptr<Pipe> accept_pipe() override;
  std::unique_ptr<Pipe> connect_pipe() override;
  /// The program gets everything that the pipe brings as its input; what it prints goes out in frames.
  Exit run_through(Pipe& pipe, const Command& command, int in_fd, int out_fd) override;
  void progress(std::uint64_t, std::uint64_t) override {}
  void log(std::string_view line) override { log_.emplace_back(line); }
  void sleep(std::chrono::milliseconds duration) override { clock_ += duration; }
  std::chrono::system_clock::time_point now() override { return clock_; }

 private:
  /// Does one write, with the fault that may lie on it.
  void writing(const std::string& what, const std::function<void()>& act);
  Node& node(const std::string& path);
  void require_folder_of(const std::string& path);
  void move_tree(const std::string& from, const std::string& to);
  std::int64_t tick();

  std::map<std::string, Node> nodes_;
  std::map<std::string, std::pair<unsigned, unsigned>> users_;
  std::map<std::string, unsigned> groups_;
  std::map<std::string, Service> services_;
  std::map<std::string, Program> programs_;
  std::map<std::pair<std::string, std::string>, HttpResponse> pages_;  // URL, connect_to
  std::map<std::string, std::map<std::pair<std::string, std::string>, DnsRecordSet>> zones_;
  std::optional<DnsKey> dns_key_;
  std::shared_ptr<FakePipes> pipes_;
  int break_after_ = -1;
  std::vector<std::string> log_;
  std::vector<std::vector<std::string>> commands_;
  std::string run_id_ = "7f3a";
  std::chrono::system_clock::time_point clock_;
  int writes_ = 0;
  int fail_at_ = 0;  // in terms of writes_; 0: never
  Fault fault_ = Fault::before;

  friend struct FakePrograms;
};

/// The programs that every FakeSystem has, by name.
std::map<std::string, FakeSystem::Program> fake_programs();

}  // namespace migrate
