#include "runner/agent/real_system.h"

#include "runner/agent/dns_client.h"
#include "runner/agent/http_client.h"
#include "runner/agent/mask.h"
#include "runner/agent/output_lines.h"
#include "runner/agent/process.h"
#include "runner/agent/real_files.h"
#include "runner/agent/tls_pipe.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace migrate {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds between_progress{100};
/// How long the one end of a pipe waits for the other: both jobs are submitted at the same time.
constexpr Milliseconds longest_wait_for_peer{120000};

class RealSystem : public System {
 public:
  RealSystem(const Job& job, std::string state_folder, std::function<void(const JobMessage&)> send)
      : job_(job),
        state_folder_(std::move(state_folder)),
        send_(std::move(send)),
        mask_(job.masked),
        files_(job.run, [this](std::string_view line) { log(line); }),
        ends_at_(Clock::now() + job.timeout) {}

  Exit run(const Command& command) override { return run_to_end(command, command.timeout, line_sink()); }
  bool has_program(const std::string& name) override { return !find_program(name).empty(); }

  std::optional<FileStatus> status(const std::string& path) override { return files_.status(path); }
  std::string read(const std::string& path) override { return files_.read(path); }
  std::vector<std::string> list(const std::string& directory) override { return files_.list(directory); }
  void write(const std::string& path, std::string_view content, const FileStatus& as) override {
    files_.write(path, content, as);
  }
  void make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) override {
    files_.make_directory(path, mode, uid, gid);
  }
  void make_symlink(const std::string& target, const std::string& path) override { files_.make_symlink(target, path); }
  void rename(const std::string& from, const std::string& to) override { files_.rename(from, to); }
  void exchange(const std::string& a, const std::string& b) override { files_.exchange(a, b); }
  void remove(const std::string& path) override { files_.remove(path); }
  void set_status(const std::string& path, const FileStatus& as) override { files_.set_status(path, as); }

  std::optional<std::pair<unsigned, unsigned>> user(const std::string& name) override {
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) return std::nullopt;
    return std::pair<unsigned, unsigned>(entry->pw_uid, entry->pw_gid);
  }
  std::optional<unsigned> group(const std::string& name) override {
    const struct group* entry = ::getgrnam(name.c_str());
    if (entry == nullptr) return std::nullopt;
    return entry->gr_gid;
  }

  std::string keep_folder() override;
  std::string run_id() override { return job_.run; }

  HttpResponse http(const HttpRequest& request) override { return http_fetch(request); }
  DnsRecordSet dns_query(const std::string& server, const std::string& name, const std::string& type) override {
    return dns_lookup(server, name, type);
  }
  std::string dns_zone(const std::string& server, const std::string& name) override {
    return dns_find_zone(server, name);
  }
  void dns_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) override {
    dns_send_update(server, key, update);
  }

  std::unique_ptr<Pipe> accept_pipe() override;
  std::unique_ptr<Pipe> connect_pipe() override;
  Exit run_through(Pipe& pipe, const Command& command, int in_fd, int out_fd) override;

  void progress(std::uint64_t done, std::uint64_t total) override;
  void log(std::string_view line) override;
  void sleep(Milliseconds duration) override { std::this_thread::sleep_for(duration); }
  std::chrono::system_clock::time_point now() override { return std::chrono::system_clock::now(); }

 private:
  std::function<void(std::string_view)> line_sink() {
    return [this](std::string_view line) { log(line); };
  }
  Milliseconds time_left() const {
    return std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(ends_at_ - Clock::now()));
  }

  const Job job_;
  const std::string state_folder_;
  const std::function<void(const JobMessage&)> send_;
  const Mask mask_;
  const RealFiles files_;
  const Clock::time_point ends_at_;
  Clock::time_point last_progress_{};
  std::uint64_t total_ = 0;
};

std::string RealSystem::keep_folder() {
  std::string seat = job_.step + "-" + job_.host + (job_.role.empty() ? "" : "-" + job_.role);
  std::replace(seat.begin(), seat.end(), '/', '_');
  std::string folder = state_folder_ + "/kept/" + job_.run + "/" + seat;
  files_.make_directories(folder, 0700);
  return folder;
}

std::unique_ptr<Pipe> RealSystem::accept_pipe() {
  const auto announce = [this](const PipeOffer& offer) {
    JobMessage message;
    message.kind = JobMessage::Kind::offer;
    message.offer = offer;
    send_(message);
  };
  return accept_tls_pipe(announce, std::min(time_left(), longest_wait_for_peer));
}

std::unique_ptr<Pipe> RealSystem::connect_pipe() {
  if (!job_.pipe)
    throw Failure(
        "The job came without the address of the other host's end of the pipe: the target's job has not offered one.");
  return connect_tls_pipe(*job_.pipe, std::min(time_left(), longest_wait_for_peer));
}

Exit RealSystem::run_through(Pipe& pipe, const Command& command, int in_fd, int out_fd) {
  const auto on_bytes = [this](std::uint64_t done) { progress(done, total_); };
  const auto timeout = command.timeout.count() > 0 ? command.timeout : time_left();
  return run_command_through(
      pipe, command, in_fd, out_fd, timeout, on_bytes, command.stream ? line_sink() : [](std::string_view) {});
}

void RealSystem::progress(std::uint64_t done, std::uint64_t total) {
  total_ = total;
  const auto time = Clock::now();
  const bool is_last = total != 0 && done >= total;
  if (!is_last && time - last_progress_ < between_progress) return;
  last_progress_ = time;
  JobMessage message;
  message.kind = JobMessage::Kind::progress;
  message.done = done;
  message.total = total;
  send_(message);
}

void RealSystem::log(std::string_view line) {
  OutputLines lines([this](std::string_view single) {
    JobMessage message;
    message.line = mask_(std::string(single));
    send_(message);
  });
  lines.add(line);
  lines.finish();
}

}  // namespace

std::unique_ptr<System> make_real_system(const Job& job, const std::string& state_folder,
                                         std::function<void(const JobMessage&)> send) {
  return std::make_unique<RealSystem>(job, state_folder, std::move(send));
}

}  // namespace migrate
