#include "plans/digest.h"
#include "steps/file_move_seats.h"
#include "steps/file_state.h"
#include "steps/params.h"
#include "steps/pipe_talk.h"
#include "steps/printable.h"

#include <fmt/format.h>

namespace migrate {

namespace {

struct Received {
  boost::json::object note;
  std::string content;
};

Received receive_file(Pipe& pipe) {
  Received received;
  received.note = receive_note(pipe);
  while (true) {
    Pipe::Frame frame = pipe.receive();
    switch (frame.kind) {
      case Pipe::Kind::error:
        throw Failure("The other host could not send the file: " + printable(frame.data));
      case Pipe::Kind::note:
        throw Failure("The other host sent something else than the file.");
      case Pipe::Kind::bytes:
        received.content += frame.data;
        break;
      case Pipe::Kind::end:
        return received;
    }
  }
}

class MoveTarget : public Action {
 public:
  MoveTarget(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  State probe(System& system) const override {
    State state;
    probe_folders(system, to_, state);
    state[file_key(to_)] = file_state(system, to_);
    if (is_kind(state[file_key(to_)], "directory"))
      throw Failure("Cannot move a file to " + to_ + ": it is a directory.");
    return state;
  }

  Change plan(const State& state) const override {
    Change change;
    change.undo = "remove it again";
    for (const std::string& folder : predict_folders(to_, state, change.after))
      change.details.push_back("+ folder " + folder);
    change.after[file_key(to_)] = boost::json::object{{"kind", "file"}};
    if (state.at(file_key(to_)).is_null()) {
      change.mark = '+';
      change.summary = "new file, from " + from_;
      return change;
    }
    change.mark = '~';
    change.summary = to_ + " exists already";
    change.details.push_back("the step fails if it isn't the same file as " + from_);
    change.undo = "nothing";
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    std::unique_ptr<Pipe> pipe = system.accept_pipe();
    Received received = receive_file(*pipe);
    telling_failures(*pipe, [&] { take(system, received, before); });
    send_note(*pipe, {{"written", true}});
    return {{"sha256", received.note.at("sha256")}};
  }

  void verify(System& system, const State&, const boost::json::object& outputs) const override {
    if (!system.status(to_)) throw Failure(to_ + " should be there now, but it isn't.");
    if (outputs.contains("sha256") && text_param(outputs, "sha256") != sha256_hex(system.read(to_))) {
      throw Failure(to_ + " isn't the file that was sent: its digest differs.");
    }
  }

  void undo(System& system, const State& before) const override {
    restore_file(system, to_, before.at(file_key(to_)));
    remove_folders(system, to_, before);
  }

 private:
  void take(System& system, const Received& received, const State& before) const {
    if (sha256_hex(received.content) != text_param(received.note, "sha256")) {
      throw Failure("What arrived for " + to_ + " is not what was sent (its digest differs); nothing was written.");
    }
    FileStatus wanted = local_status(system, received.note);
    std::optional<FileStatus> now = system.status(to_);
    if (now) {
      bool same = now->kind == FileStatus::Kind::file && system.read(to_) == received.content;
      if (!same) throw Failure(to_ + " exists already and is a different file; it was left as it is.");
      if (!before.at(file_key(to_)).is_null()) return;  // it was there before us, and stays as it was
    } else {
      make_folders(system, to_, before);
      system.write(to_, received.content, wanted);
    }
    system.set_status(to_, wanted);
  }

  /// Mode and mtime as sent; the owner by name where this host has that name, else by number.
  FileStatus local_status(System& system, const boost::json::object& note) const {
    FileStatus status = status_in(boost::json::value(note));
    std::string owner = text_param(note, "owner"), group = text_param(note, "group");
    auto user = owner.empty() ? std::nullopt : system.user(owner);
    auto group_id = group.empty() ? std::nullopt : system.group(group);
    if (!user)
      system.log(
          fmt::format("This host has no user \"{}\": {} keeps the number {}.", printable(owner), to_, status.uid));
    if (!group_id)
      system.log(
          fmt::format("This host has no group \"{}\": {} keeps the number {}.", printable(group), to_, status.gid));
    if (user) status.uid = user->first;
    if (group_id) status.gid = *group_id;
    return status;
  }

  std::string from_, to_;
};

}  // namespace

std::unique_ptr<Action> make_move_target(std::string from, std::string to) {
  return std::make_unique<MoveTarget>(std::move(from), std::move(to));
}

}  // namespace migrate
