#include "tests/support/fake_system.h"

#include <fmt/format.h>

namespace migrate {

FakeSystem::FakeSystem() : programs_(fake_programs()), clock_(std::chrono::seconds(1796090400)) {
  nodes_["/"].status.kind = FileStatus::Kind::directory;
  nodes_["/"].status.mode = 0755;
  add_user("root", 0, 0);
  for (const char* folder : {"/etc", "/var/lib", "/tmp"}) add_directory(folder);
}

FakeSystem::~FakeSystem() = default;

FakeSystem& FakeSystem::add_user(const std::string& name, unsigned uid, unsigned gid) {
  users_[name] = {uid, gid};
  groups_[name] = gid;
  return *this;
}

FakeSystem& FakeSystem::add_service(const std::string& name, const std::string& active, const std::string& enabled) {
  services_[name].active = active;
  services_[name].enabled = enabled;
  return *this;
}

FakeSystem& FakeSystem::add_program(const std::string& name, Program program) {
  programs_[name] = std::move(program);
  return *this;
}

FakeSystem& FakeSystem::remove_program(const std::string& name) {
  programs_.erase(name);
  return *this;
}

void FakeSystem::fail_at_write(int number, Fault fault) {
  fail_at_ = writes_ + number;
  fault_ = fault;
}

void FakeSystem::forget_faults() { fail_at_ = 0; }

void FakeSystem::writing(const std::string& what, const std::function<void()>& act) {
  ++writes_;
  bool struck = fail_at_ != 0 && (fault_ == Fault::crash ? writes_ >= fail_at_ : writes_ == fail_at_);
  if (struck && fault_ != Fault::after) throw Failure("Cannot " + what + ": a fault put there by the test.");
  act();
  if (struck) throw Failure("Cannot " + what + ": a fault put there by the test, after it happened.");
}

std::int64_t FakeSystem::tick() {
  clock_ += std::chrono::seconds(1);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.time_since_epoch()).count();
}

std::optional<std::pair<unsigned, unsigned>> FakeSystem::user(const std::string& name) {
  auto found = users_.find(name);
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

std::optional<unsigned> FakeSystem::group(const std::string& name) {
  auto found = groups_.find(name);
  if (found == groups_.end()) return std::nullopt;
  return found->second;
}

bool FakeSystem::has_program(const std::string& name) { return programs_.count(name) != 0; }

Exit FakeSystem::run(const Command& command) {
  commands_.push_back(command.argv);
  auto program = programs_.find(command.argv.at(0));
  if (program == programs_.end()) throw Failure(command.argv[0] + " is not installed on this host.");
  if (command.reads_only) return program->second(*this, command);
  Exit exit;
  writing("run " + command.argv[0], [&] { exit = program->second(*this, command); });
  return exit;
}

std::string FakeSystem::fingerprint() const {
  std::string text;
  for (const auto& [path, node] : nodes_) {
    if (path.rfind("/var/lib/migrate", 0) == 0) continue;
    const FileStatus& status = node.status;
    // A folder's mtime changes with every entry in it: only files are held to theirs.
    std::int64_t mtime = status.kind == FileStatus::Kind::file ? status.mtime_ns : 0;
    text += fmt::format("{} {} {:o} {}:{} {} [{}]{}\n", path, static_cast<int>(status.kind), status.mode, status.uid,
                        status.gid, mtime, status.target, node.content);
  }
  for (const auto& [name, service] : services_)
    text += fmt::format("service {} {} {}\n", name, service.active, service.enabled);
  for (const auto& [zone, records] : zones_) {
    for (const auto& [key, set] : records) {
      text += fmt::format("dns {} {} {} {}", zone, key.first, key.second, set.ttl);
      for (const std::string& value : set.values) text += " " + value;
      text += "\n";
    }
  }
  return text;
}

}  // namespace migrate
