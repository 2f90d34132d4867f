#include "steps/file_write.h"

#include "steps/base64.h"
#include "steps/file_state.h"
#include "steps/params.h"
#include "steps/text_diff.h"

#include <fmt/format.h>

namespace migrate {

namespace {

class FileWrite : public Action {
 public:
  explicit FileWrite(const boost::json::object& params);
  State probe(System& system) const override;
  Change plan(const State& state) const override;
  boost::json::object apply(System& system, const State& before) const override;
  void verify(System& system, const State& before, const boost::json::object& outputs) const override;
  void undo(System& system, const State& before) const override;

 private:
  FileStatus wanted_status(const State& state) const;
  std::string missing_account(const State& state) const;

  std::string path_, mode_, owner_, group_;
  std::optional<std::string> content_;  // nullopt: a secret, in the controller
};

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

const boost::json::value& file_in(const State& state, const std::string& path) {
  static const boost::json::value none;
  auto found = state.find(file_key(path));
  return found == state.end() ? none : found->second;
}

FileWrite::FileWrite(const boost::json::object& params)
    : path_(text_param(params, "path")),
      mode_(text_param(params, "mode")),
      owner_(text_param(params, "owner")),
      group_(text_param(params, "group")) {
  if (path_.rfind('/', 0) != 0) throw Failure("file.write needs an absolute path, not \"" + path_ + "\".");
  if (has_param(params, "from")) {
    const boost::json::value& from = params.at("from");
    content_ = from_base64(text_param(from.get_object(), "base64"));
  } else if (!is_secret(params, "content")) {
    content_ = text_param(params, "content");
  }
}

State FileWrite::probe(System& system) const {
  State state;
  probe_folders(system, path_, state);
  state[file_key(path_)] = file_state(system, path_);
  if (is_kind(state[file_key(path_)], "directory")) throw Failure("Cannot write " + path_ + ": it is a directory.");
  if (!owner_.empty() && !is_number(owner_)) {
    auto ids = system.user(owner_);
    boost::json::value& value = state["user:" + owner_];
    if (ids) value = boost::json::array{std::int64_t{ids->first}, std::int64_t{ids->second}};
  }
  if (!group_.empty() && !is_number(group_)) {
    auto id = system.group(group_);
    boost::json::value& value = state["group:" + group_];
    if (id) value = std::int64_t{*id};
  }
  return state;
}

/// The user or group that the host doesn't have (yet), or "".
std::string FileWrite::missing_account(const State& state) const {
  for (const std::string& key : {"user:" + owner_, "group:" + group_}) {
    auto found = state.find(key);
    if (found != state.end() && found->second.is_null()) return key;
  }
  return "";
}

FileStatus FileWrite::wanted_status(const State& state) const {
  const boost::json::value& now = file_in(state, path_);
  FileStatus wanted;
  if (is_kind(now, "file")) {
    wanted = status_in(now);
  } else {
    wanted.mode = 0644;
    std::tie(wanted.uid, wanted.gid) = folder_owner(path_, state);
  }
  wanted.mtime_ns = 0;
  if (!mode_.empty()) wanted.mode = static_cast<unsigned>(std::stoul(mode_, nullptr, 8));
  auto user = state.find("user:" + owner_);
  if (is_number(owner_)) wanted.uid = static_cast<unsigned>(std::stoul(owner_));
  if (user != state.end() && user->second.is_array()) {
    wanted.uid = user->second.at(0).to_number<unsigned>();
    if (!is_kind(now, "file")) wanted.gid = user->second.at(1).to_number<unsigned>();
  }
  auto group = state.find("group:" + group_);
  if (is_number(group_)) wanted.gid = static_cast<unsigned>(std::stoul(group_));
  if (group != state.end() && !group->second.is_null()) wanted.gid = group->second.to_number<unsigned>();
  return wanted;
}

Change FileWrite::plan(const State& state) const {
  const boost::json::value& now = file_in(state, path_);
  FileStatus wanted = wanted_status(state);
  Change change;
  std::string missing = missing_account(state);
  if (!missing.empty()) change.details.push_back("there is no " + missing + " on this host yet");
  for (const std::string& folder : predict_folders(path_, state, change.after))
    change.details.push_back("+ folder " + folder);

  boost::json::object to_be{{"kind", "file"}, {"mode", fmt::format("{:04o}", wanted.mode)}};
  if (content_ && missing.empty()) to_be = file_to_be(*content_, wanted.mode, wanted.uid, wanted.gid);
  change.after[file_key(path_)] = to_be;
  if (!is_kind(now, "file")) {
    bool link = is_kind(now, "symlink");
    change.mark = link ? '~' : '+';
    change.summary = content_ ? fmt::format("new file, {} bytes", content_->size()) : "new file, content secret";
    if (link) change.details.push_back("replaces the symlink to " + std::string(now.at("target").get_string()));
    change.undo = link ? "put the symlink back" : "remove it again";
    return change;
  }
  if (content_ && missing.empty() && agrees({{"file", to_be}}, {{"file", now}})) return {};
  change.mark = '~';
  change.undo = "put the old file back";
  FileStatus old = status_in(now);
  if (old.mode != wanted.mode) change.details.push_back(fmt::format("mode {:04o} -> {:04o}", old.mode, wanted.mode));
  if (old.uid != wanted.uid || old.gid != wanted.gid) {
    change.details.push_back(fmt::format("owner {}:{} -> {}:{}", old.uid, old.gid, wanted.uid, wanted.gid));
  }
  std::optional<std::string> before = content_in(now);
  if (content_ && before && (wanted.mode & 0004) != 0) {
    for (std::string& line : unified_diff(*before, *content_)) change.details.push_back(std::move(line));
  } else {
    change.details.push_back("content not shown: it is large, or not everybody may read it");
  }
  return change;
}

boost::json::object FileWrite::apply(System& system, const State& before) const {
  std::string missing = missing_account(before);
  if (!missing.empty())
    throw Failure("Cannot write " + path_ + " for " + missing + ": this host has none of that name.");
  const boost::json::value& old = file_in(before, path_);
  FileStatus wanted = wanted_status(before);
  make_folders(system, path_, before);
  std::optional<FileStatus> now = system.status(path_);
  bool is_file = now && now->kind == FileStatus::Kind::file;
  if (!is_file || system.read(path_) != *content_) {
    keep_copy(system, path_, old);
    system.write(path_, *content_, wanted);
    return {};
  }
  if (now->mode == wanted.mode && now->uid == wanted.uid && now->gid == wanted.gid) return {};
  wanted.mtime_ns = now->mtime_ns;
  system.set_status(path_, wanted);
  return {};
}

void FileWrite::verify(System& system, const State& before, const boost::json::object&) const {
  std::optional<FileStatus> now = system.status(path_);
  if (!now || now->kind != FileStatus::Kind::file) throw Failure(path_ + " should be there now, but it isn't.");
  if (system.read(path_) != *content_) throw Failure(path_ + " doesn't have the content that was written to it.");
  FileStatus wanted = wanted_status(before);
  if (now->mode != wanted.mode || now->uid != wanted.uid || now->gid != wanted.gid) {
    throw Failure(fmt::format("{} should have mode {:04o} and owner {}:{}, but has {:04o} and {}:{}.", path_,
                              wanted.mode, wanted.uid, wanted.gid, now->mode, now->uid, now->gid));
  }
}

void FileWrite::undo(System& system, const State& before) const {
  restore_file(system, path_, file_in(before, path_));
  remove_folders(system, path_, before);
}

}  // namespace

std::vector<ActionSchema> file_write_schemas() {
  ActionSchema schema;
  schema.name = "file.write";
  schema.summary = "Writes a file with the given content; folders that are missing above it are made.";
  schema.fields = {
      {"path", FieldType::text, true, "absolute path on the host"},
      {"content", FieldType::text, false, "what the file holds"},
      {"from", FieldType::file, false, "a file beside the plan whose content is taken"},
      {"mode", FieldType::mode, false, "as it is, or \"0644\" for a new file"},
      {"owner", FieldType::text, false, "a user's name or number; as it is, or as the folder's for a new file"},
      {"group", FieldType::text, false, "a group's name or number"},
  };
  schema.exactly_one_of = {{"content", "from"}};
  schema.undo =
      "puts the old file back to the byte, with mode, owner and mtime; removes a new one, and folders it made";
  schema.example = "file.write: { path: /var/www/html/migration.html, from: files/migration.html }";
  return {schema};
}

std::unique_ptr<Action> make_file_write(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<FileWrite>(params);
}

}  // namespace migrate
