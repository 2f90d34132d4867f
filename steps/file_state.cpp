#include "steps/file_state.h"

#include "plans/digest.h"
#include "steps/base64.h"

#include <fmt/format.h>

namespace migrate {

namespace {

constexpr std::uint64_t largest_in_state = 256 * 1024;

bool travels(std::uint64_t size, unsigned mode, Privacy privacy) {
  return size <= largest_in_state && (privacy == Privacy::content_always || (mode & 0004) != 0);
}

std::string text_of(const boost::json::value& state, std::string_view name) {
  const boost::json::value* value = state.get_object().if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : "";
}

std::int64_t number_of(const boost::json::value& state, std::string_view name) {
  const boost::json::value* value = state.get_object().if_contains(name);
  return value && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

std::string kept_path(System& system, const boost::json::value& state) {
  return system.keep_folder() + "/" + text_of(state, "sha256");
}

void remove_if_there(System& system, const std::string& path) {
  if (system.status(path)) system.remove(path);
}

void restore_symlink(System& system, const std::string& path, const boost::json::value& state) {
  std::string target = text_of(state, "target");
  std::optional<FileStatus> now = system.status(path);
  if (!now || now->kind != FileStatus::Kind::symlink || now->target != target) {
    const std::string beside = path + ".migrate-new";
    remove_if_there(system, beside);
    system.make_symlink(target, beside);
    system.rename(beside, path);
    now = system.status(path);
  }
  FileStatus wanted = *now;
  wanted.uid = static_cast<unsigned>(number_of(state, "uid"));
  wanted.gid = static_cast<unsigned>(number_of(state, "gid"));
  if (wanted != *now) system.set_status(path, wanted);
}

void restore_content(System& system, const std::string& path, const boost::json::value& state) {
  FileStatus wanted = status_in(state);
  std::optional<FileStatus> now = system.status(path);
  bool same = now && now->kind == FileStatus::Kind::file && sha256_hex(system.read(path)) == text_of(state, "sha256");
  if (!same) {
    system.write(path, kept_content(system, path, state), wanted);
    now = system.status(path);
  }
  bool as_before =
      now->mode == wanted.mode && now->uid == wanted.uid && now->gid == wanted.gid && now->mtime_ns == wanted.mtime_ns;
  if (!as_before) system.set_status(path, wanted);
}

}  // namespace

std::string file_key(const std::string& path) { return "file:" + path; }

std::string folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

boost::json::value file_state(System& system, const std::string& path, Privacy privacy) {
  std::optional<FileStatus> status = system.status(path);
  if (!status) return nullptr;
  switch (status->kind) {
    case FileStatus::Kind::directory:
      return boost::json::object{
          {"kind", "directory"}, {"uid", std::int64_t{status->uid}}, {"gid", std::int64_t{status->gid}}};
    case FileStatus::Kind::symlink:
      return boost::json::object{{"kind", "symlink"},
                                 {"target", status->target},
                                 {"uid", std::int64_t{status->uid}},
                                 {"gid", std::int64_t{status->gid}}};
    case FileStatus::Kind::file:
      break;
    case FileStatus::Kind::other:
      throw Failure(path + " is neither a file nor a directory (a device, socket or pipe).");
  }
  boost::json::object state = file_to_be(system.read(path), status->mode, status->uid, status->gid, privacy);
  state["mtime_ns"] = status->mtime_ns;
  return state;
}

boost::json::object file_to_be(std::string_view content, unsigned mode, unsigned uid, unsigned gid, Privacy privacy) {
  // Numbers are kept as int64: what comes back from JSON text must compare equal to what went in.
  boost::json::object state{{"kind", "file"},
                            {"mode", fmt::format("{:04o}", mode)},
                            {"uid", static_cast<std::int64_t>(uid)},
                            {"gid", static_cast<std::int64_t>(gid)},
                            {"size", static_cast<std::int64_t>(content.size())},
                            {"sha256", sha256_hex(content)}};
  if (travels(content.size(), mode, privacy)) state["content"] = to_base64(content);
  return state;
}

bool is_kind(const boost::json::value& state, std::string_view kind) {
  return state.is_object() && text_of(state, "kind") == kind;
}

std::optional<std::string> content_in(const boost::json::value& state) {
  if (!state.is_object() || !state.get_object().contains("content")) return std::nullopt;
  return from_base64(text_of(state, "content"));
}

FileStatus status_in(const boost::json::value& state) {
  FileStatus status;
  std::string mode = text_of(state, "mode");
  status.mode = mode.empty() ? 0644 : static_cast<unsigned>(std::stoul(mode, nullptr, 8));
  status.uid = static_cast<unsigned>(number_of(state, "uid"));
  status.gid = static_cast<unsigned>(number_of(state, "gid"));
  status.size = static_cast<std::uint64_t>(number_of(state, "size"));
  status.mtime_ns = number_of(state, "mtime_ns");
  return status;
}

void keep_copy(System& system, const std::string& path, const boost::json::value& state) {
  if (!is_kind(state, "file") || content_in(state)) return;
  std::string kept = kept_path(system, state);
  if (system.status(kept)) return;
  std::string content = system.read(path);
  if (sha256_hex(content) != text_of(state, "sha256")) {
    throw Failure(path + " was changed by somebody else since it was looked at; nothing was done to it.");
  }
  FileStatus as = *system.status(system.keep_folder());
  as.kind = FileStatus::Kind::file;
  as.mode = 0600;
  system.write(kept, content, as);
}

std::string kept_content(System& system, const std::string& path, const boost::json::value& state) {
  if (std::optional<std::string> content = content_in(state)) return *content;
  std::string kept = kept_path(system, state);
  if (!system.status(kept)) {
    throw Failure("The old content of " + path + " should lie in " + kept + " on this host, but it isn't there. " +
                  path + " was left as it is.");
  }
  std::string content = system.read(kept);
  if (sha256_hex(content) != text_of(state, "sha256")) {
    throw Failure(kept + " is not what was kept of " + path + " (its digest differs). " + path + " was left as it is.");
  }
  return content;
}

void restore_file(System& system, const std::string& path, const boost::json::value& state) {
  if (is_kind(state, "directory")) return;
  std::optional<FileStatus> now = system.status(path);
  if (now && now->kind == FileStatus::Kind::directory) {
    throw Failure(path + " has become a directory; it was left as it is.");
  }
  if (state.is_null()) {
    if (now) system.remove(path);
  } else if (is_kind(state, "symlink")) {
    restore_symlink(system, path, state);
  } else {
    restore_content(system, path, state);
  }
}

}  // namespace migrate
