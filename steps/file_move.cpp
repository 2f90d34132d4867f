#include "steps/file_move.h"

#include "steps/file_move_seats.h"
#include "steps/file_state.h"
#include "steps/params.h"

namespace migrate {

namespace {

std::string path_of(const boost::json::object& params, std::string_view name) {
  const boost::json::value& place = params.at(name);
  std::string path = text_param(place.as_object(), "path");
  if (path.rfind('/', 0) != 0 || path.ends_with('/'))
    throw Failure("file.move needs absolute paths of files, not \"" + path + "\".");
  return path;
}

/// Both paths on one host: a rename, which keeps everything and leaves no moment with none or two.
class LocalMove : public Action {
 public:
  LocalMove(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  State probe(System& system) const override {
    State state;
    probe_folders(system, to_, state);
    state[file_key(from_)] = file_state(system, from_);
    state[file_key(to_)] = file_state(system, to_);
    if (is_kind(state[file_key(from_)], "directory")) throw Failure("Cannot move " + from_ + ": it is a directory.");
    return state;
  }

  Change plan(const State& state) const override {
    const boost::json::value& from = state.at(file_key(from_));
    Change change;
    change.undo = "move it back";
    if (from.is_null()) {
      change.mark = '?';
      change.summary = from_ + " isn't there yet";
      return change;
    }
    change.mark = '~';
    change.summary = from_ + " -> " + to_;
    if (!state.at(file_key(to_)).is_null()) change.details.push_back(to_ + " is in the way: it exists already");
    for (const std::string& folder : predict_folders(to_, state, change.after))
      change.details.push_back("+ folder " + folder);
    change.after[file_key(from_)] = nullptr;
    change.after[file_key(to_)] = from;
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    if (before.at(file_key(from_)).is_null()) throw Failure("Cannot move " + from_ + ": there is no such file.");
    if (!before.at(file_key(to_)).is_null())
      throw Failure("Cannot move " + from_ + " to " + to_ + ": that exists already.");
    if (!system.status(from_) && system.status(to_)) return {};
    make_folders(system, to_, before);
    if (system.status(to_)) throw Failure("Cannot move " + from_ + " to " + to_ + ": that exists already.");
    system.rename(from_, to_);
    return {};
  }

  void verify(System& system, const State&, const boost::json::object&) const override {
    if (!system.status(to_)) throw Failure(to_ + " should be there now, but it isn't.");
    if (system.status(from_)) throw Failure(from_ + " was moved away, but it is there again.");
  }

  void undo(System& system, const State& before) const override {
    bool was_possible = !before.at(file_key(from_)).is_null() && before.at(file_key(to_)).is_null();
    if (was_possible && !system.status(from_) && system.status(to_)) system.rename(to_, from_);
    remove_folders(system, to_, before);
  }

 private:
  std::string from_, to_;
};

}  // namespace

std::vector<ActionSchema> file_move_schemas() {
  ActionSchema schema;
  schema.name = "file.move";
  schema.summary =
      "Moves a file to another host (or path) with its mode, owner and mtime; never overwrites a different file.";
  schema.placement = Placement::from_to;
  schema.fields = {
      {"from", FieldType::host_path, true, "HOST:PATH of the file"},
      {"to", FieldType::host_path, true, "HOST:PATH that it gets"},
  };
  schema.undo = "puts it back where it came from, and removes it where it went";
  schema.example = "file.move: { from: \"old:/root/.ssh/authorized_keys\", to: \"new:/root/.ssh/authorized_keys\" }";
  return {schema};
}

std::unique_ptr<Action> make_file_move(std::string_view, const boost::json::object& params, const std::string& role) {
  std::string from = path_of(params, "from"), to = path_of(params, "to");
  if (role == "source") return make_move_source(from, to);
  if (role == "target") return make_move_target(from, to);
  return std::make_unique<LocalMove>(from, to);
}

}  // namespace migrate
