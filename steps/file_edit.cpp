#include "steps/file_edit.h"

#include "steps/file_state.h"
#include "steps/text_diff.h"

namespace migrate {

FileEdit::FileEdit(std::string path) : path_(std::move(path)) {
  if (path_.rfind('/', 0) != 0) throw Failure("An absolute path is needed, not \"" + path_ + "\".");
}

State FileEdit::probe(System& system) const {
  boost::json::value state = file_state(system, path_, Privacy::content_always);
  if (is_kind(state, "directory")) throw Failure("Cannot edit " + path_ + ": it is a directory.");
  if (is_kind(state, "symlink")) {
    throw Failure("Cannot edit " + path_ +
                  ": it is a symlink. Name the file that it leads to: " + std::string(state.at("target").get_string()));
  }
  if (!state.is_null() && !content_in(state)) throw Failure("Cannot edit " + path_ + ": it is larger than 256 KiB.");
  return {{file_key(path_), state}};
}

Change FileEdit::plan(const State& state) const {
  const boost::json::value& now = state.at(file_key(path_));
  std::optional<std::string> text = content_in(now);
  Change change;
  if (!text) {
    change.mark = '?';
    change.summary = now.is_null() ? path_ + " isn't there yet" : "what " + path_ + " will hold is not known yet";
    change.undo = undo_summary();
    return change;
  }
  std::string wanted = edited(*text);
  if (wanted == *text) return change;
  change.mark = '~';
  change.summary = summary(*text);
  change.details = unified_diff(*text, wanted);
  FileStatus status = status_in(now);
  change.after[file_key(path_)] = file_to_be(wanted, status.mode, status.uid, status.gid, Privacy::content_always);
  change.undo = undo_summary();
  return change;
}

boost::json::object FileEdit::apply(System& system, const State& before) const {
  const boost::json::value& old = before.at(file_key(path_));
  std::optional<std::string> text = content_in(old);
  if (!text) throw Failure("Cannot edit " + path_ + ": there is no such file.");
  std::string wanted = edited(*text);
  std::string now = system.read(path_);
  if (now == wanted) return {};
  if (now != *text)
    throw Failure(path_ + " was changed by somebody else since it was looked at; nothing was done to it.");
  // Its mtime is left to become new: cron, for one, reads a file again only when that has changed.
  system.write(path_, wanted, status_in(old));
  return {};
}

void FileEdit::verify(System& system, const State&, const boost::json::object&) const {
  std::string now = system.read(path_);
  if (edited(now) != now) throw Failure(path_ + " was edited, but somebody has changed it back since.");
}

void FileEdit::undo(System& system, const State& before) const {
  const boost::json::value& old = before.at(file_key(path_));
  std::optional<std::string> text = content_in(old);
  if (!text) return;  // there was no file, so nothing was edited
  std::optional<FileStatus> status = system.status(path_);
  std::string now = status ? system.read(path_) : *text;
  if (now == *text || now == edited(*text)) {
    restore_file(system, path_, old);
    return;
  }
  system.log(path_ + " was changed by somebody else since: only our lines are taken back.");
  std::string kept = taken_back(now, *text);
  if (kept != now) system.write(path_, kept, *status);
}

std::string with_lines(std::string_view text, const std::function<std::string(std::string_view)>& change) {
  std::string changed;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    changed += change(text.substr(0, end));
    if (end == std::string_view::npos) break;
    changed += '\n';
    text.remove_prefix(end + 1);
  }
  return changed;
}

}  // namespace migrate
