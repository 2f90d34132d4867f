#include "steps/file_move_seats.h"
#include "steps/file_state.h"
#include "steps/pipe_talk.h"

namespace migrate {

namespace {

constexpr std::size_t frame_size = 64 * 1024;

/// "" when the host has no name for that number.
std::string name_of(System& system, const std::string& database, unsigned id) {
  Command command;
  command.argv = {"getent", database, std::to_string(id)};
  command.reads_only = true;
  std::string line = system.run(command).out;
  return line.substr(0, line.find(':'));
}

class MoveSource : public Action {
 public:
  MoveSource(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  State probe(System& system) const override {
    boost::json::value state = file_state(system, from_);
    if (!state.is_null() && !is_kind(state, "file")) throw Failure("Cannot move " + from_ + ": it is no regular file.");
    return {{file_key(from_), state}};
  }

  Change plan(const State& state) const override {
    const boost::json::value& now = state.at(file_key(from_));
    Change change;
    change.undo = "put it back";
    if (now.is_null()) {
      change.mark = '?';
      change.summary = from_ + " isn't there yet";
      return change;
    }
    change.mark = '-';
    change.summary = "moved away to " + to_;
    change.after[file_key(from_)] = nullptr;
    change.bytes = status_in(now).size;
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    const boost::json::value& old = before.at(file_key(from_));
    std::unique_ptr<Pipe> pipe = system.connect_pipe();
    telling_failures(*pipe, [&] {
      if (old.is_null()) throw Failure("Cannot move " + from_ + ": there is no such file.");
      // Gone already, after a crash in the middle: then the copy is what is sent.
      std::string content = system.status(from_) ? system.read(from_) : kept_content(system, from_, old);
      require_unchanged(content, old);
      keep_copy(system, from_, old);
      send(system, *pipe, old, content);
    });
    receive_note(*pipe);  // a Failure when the other side could not write it
    if (system.status(from_)) system.remove(from_);
    return {};
  }

  void verify(System& system, const State&, const boost::json::object&) const override {
    if (system.status(from_)) throw Failure(from_ + " was moved away, but it is there again.");
  }

  void undo(System& system, const State& before) const override {
    const boost::json::value& old = before.at(file_key(from_));
    if (!old.is_null()) restore_file(system, from_, old);
  }

 private:
  void require_unchanged(const std::string& content, const boost::json::value& old) const {
    FileStatus status = status_in(old);
    boost::json::object now = file_to_be(content, status.mode, status.uid, status.gid);
    if (now.at("sha256") != old.at("sha256")) {
      throw Failure(from_ + " was changed by somebody else since it was looked at; nothing was done to it.");
    }
  }

  void send(System& system, Pipe& pipe, const boost::json::value& old, const std::string& content) const {
    boost::json::object note = old.as_object();
    note.erase("content");
    FileStatus status = status_in(old);
    note["owner"] = name_of(system, "passwd", status.uid);
    note["group"] = name_of(system, "group", status.gid);
    send_note(pipe, note);
    for (std::size_t at = 0; at < content.size(); at += frame_size) {
      pipe.send(Pipe::Kind::bytes, std::string_view(content).substr(at, frame_size));
      system.progress(std::min(at + frame_size, content.size()), content.size());
    }
    pipe.send(Pipe::Kind::end, "");
  }

  std::string from_, to_;
};

}  // namespace

std::unique_ptr<Action> make_move_source(std::string from, std::string to) {
  return std::make_unique<MoveSource>(std::move(from), std::move(to));
}

}  // namespace migrate
