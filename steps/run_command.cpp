#include "steps/run_command.h"

#include "steps/params.h"
#include "steps/printable.h"

#include <fmt/format.h>

namespace migrate {

namespace {

constexpr std::size_t most_output = 64 * 1024;

std::string kind_name(FileStatus::Kind kind) {
  switch (kind) {
    case FileStatus::Kind::file:
      return "file";
    case FileStatus::Kind::directory:
      return "directory";
    case FileStatus::Kind::symlink:
      return "symlink";
    case FileStatus::Kind::other:
      break;
  }
  return "other";
}

class RunCommand : public Action {
 public:
  explicit RunCommand(const boost::json::object& params)
      : words_(texts_param(params, "command")),
        is_shell_(!has_param(params, "command") || !params.at("command").is_array()),
        chdir_(text_param(params, "chdir")),
        user_(text_param(params, "user")),
        creates_(text_param(params, "creates")),
        as_check_(flag_param(params, "as_check", false)) {
    if (words_.empty()) throw Failure("run has no command.");
  }

  State probe(System& system) const override {
    State state;
    if (creates_.empty() || as_check_) return state;
    boost::json::value& value = state[creates_key()];
    if (auto status = system.status(creates_)) value = boost::json::object{{"kind", kind_name(status->kind)}};
    return state;
  }

  Change plan(const State& state) const override {
    Change change;
    auto created = state.find(creates_key());
    if (!creates_.empty() && created != state.end() && !created->second.is_null()) {
      change.summary = creates_ + " is there already";
      return change;
    }
    change.mark = '?';
    change.details.push_back(printable(shown()));
    return change;
  }

  boost::json::object apply(System& system, const State&) const override {
    if (!creates_.empty() && system.status(creates_)) return {};
    Exit exit = run(system, false);
    std::string_view out = exit.out;
    if (out.size() > most_output) out.remove_prefix(out.size() - most_output);
    return {{"exit", 0}, {"stdout", printable(out)}};
  }

  void verify(System& system, const State&, const boost::json::object&) const override {
    if (as_check_) run(system, true);
  }

  void undo(System&, const State&) const override {}  // the plan states another action, or that there is nothing

 private:
  std::string creates_key() const { return "file:" + creates_; }
  std::string shown() const { return fmt::format("{}", fmt::join(words_, " ")); }

  Exit run(System& system, bool reads_only) const {
    Command command;
    command.argv = is_shell_ ? std::vector<std::string>{"/bin/sh", "-ec", words_.front()} : words_;
    command.chdir = chdir_;
    command.user = user_;
    command.stream = true;
    command.reads_only = reads_only;
    Exit exit = system.run(command);
    if (exit.ok()) return exit;
    throw Failure(reason(exit), shown(), exit.code);
  }

  static std::string reason(const Exit& exit) {
    std::string text = exit.timed_out     ? "The command took too long and was ended."
                       : exit.signal != 0 ? fmt::format("The command was ended by signal {}.", exit.signal)
                                          : fmt::format("The command ended with exit code {}.", exit.code);
    // What went wrong is said on standard error, if anywhere.
    std::string words = last_lines(exit.err.empty() ? exit.out : exit.err, 10, "  ");
    return words.empty() ? text + " It said nothing." : text + " Its last words:\n" + words;
  }

  std::vector<std::string> words_;
  bool is_shell_;
  std::string chdir_, user_, creates_;
  bool as_check_;
};

}  // namespace

std::vector<ActionSchema> run_command_schemas() {
  ActionSchema schema;
  schema.name = "run";
  schema.summary = "Runs a shell text (sh -e) or a list of words as a program.";
  schema.effect = Effect::opaque;
  schema.fields = {
      {"command", FieldType::command, true, "a shell text, or a program and its arguments as a list"},
      {"chdir", FieldType::text, false, "the folder to run it in; / unless said otherwise"},
      {"user", FieldType::text, false, "the user to run it as"},
      {"creates", FieldType::text, false, "a path; when it exists there is nothing to do"},
  };
  schema.shorthand = "command";
  schema.undo = "what the step's `undo:` says";
  schema.example = "run: { command: [createuser, djangouser], user: postgres }\nundo: nothing";
  return {schema};
}

std::unique_ptr<Action> make_run_command(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<RunCommand>(params);
}

}  // namespace migrate
