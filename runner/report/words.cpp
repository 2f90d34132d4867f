#include "runner/report/words.h"

#include "steps/printable.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace migrate {
namespace {

std::string text_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::string indented(std::string_view text, std::string_view by) {
  std::string out;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at || end < text.size()) out += fmt::format("{}{}\n", by, printable(text.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

std::tm local(Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

/// What the run has changed on each host and not taken back: the names of the last steps, oldest first.
std::string host_states(const Plan& plan, const RunState& state) {
  std::map<std::string, std::vector<std::string>> done;
  for (int index = 0; index < state.size(); ++index) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    for (const SeatStatus& seat : state.step(index).seats) {
      if (!seat.touched || seat.seat.role == "source") continue;
      const std::string word = seat.state == SeatState::verified ? "" : fmt::format(" ({})", to_text(seat.state));
      done[seat.seat.host].push_back(step.number + " " + step.name + word);
    }
  }
  std::string text;
  for (const auto& [host, steps] : done) {
    text += fmt::format("    {:<10} {} step{} of this run in effect", host, steps.size(), steps.size() == 1 ? "" : "s");
    text += steps.size() > 3 ? ", the last ones:\n" : ":\n";
    for (std::size_t at = steps.size() > 3 ? steps.size() - 3 : 0; at < steps.size(); ++at) {
      text += fmt::format("               {}\n", steps[at]);
    }
  }
  return text.empty() ? "    nothing was changed on any host\n" : text;
}

bool past_point_of_no_return(const Plan& plan, const RunState& state) {
  for (int index = 0; index < state.size(); ++index) {
    if (!plan.steps[static_cast<std::size_t>(index)].point_of_no_return.empty() && state.step(index).touched())
      return true;
  }
  return false;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string took_text(Milliseconds duration) {
  const long long ms = duration.count();
  if (ms < 10000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  const long long s = ms / 1000;
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  return fmt::format("{} d {:02} h", s / 86400, s / 3600 % 24);
}

std::string time_text(Time time) { return fmt::format("{:%Y-%m-%d %H:%M:%S}", local(time)); }
std::string clock_text(Time time) { return fmt::format("{:%H:%M:%S}", local(time)); }

std::string hosts_text(const Step& step) {
  if (step.seats.size() == 2 && step.seats[0].role == "source") return step.seats[0].host + " -> " + step.seats[1].host;
  if (step.seats.size() == 2 && step.seats[0].role == "target") return step.seats[1].host + " -> " + step.seats[0].host;
  std::string text;
  for (const Seat& seat : step.seats) text += (text.empty() ? "" : ", ") + seat.host;
  return text;
}

std::string undo_text(const Step& step) {
  switch (step.undo.kind) {
    case Undo::Kind::nothing:
      return "nothing";
    case Undo::Kind::irreversible:
      return "irreversible: " + step.undo.why;
    case Undo::Kind::call: {
      const auto* command = step.undo.call.params.if_contains("command");
      if (command && command->is_string()) {
        const std::string text(command->as_string());
        const auto first = text.substr(0, text.find('\n'));
        return first.size() < text.size() ? first + " ..." : first;
      }
      return step.undo.call.action;
    }
    case Undo::Kind::native:
      return "";
  }
  return "";
}

std::string change_text(const StepStatus& status, std::string_view field) {
  std::string text;
  for (const SeatStatus& seat : status.seats) {
    if (seat.seat.role != "source" && text.empty()) text = text_at(seat.change, field);
  }
  return text;
}

std::string failure_text(const Plan& plan, const std::string& run, int index, const RunState& state, Time now) {
  const Step& step = plan.steps[static_cast<std::size_t>(index)];
  const StepStatus& status = state.step(index);
  std::string text;
  for (const SeatStatus& seat : status.seats) {
    if (seat.state != SeatState::failed && seat.state != SeatState::unknown) continue;
    const bool unknown = seat.state == SeatState::unknown;
    text += fmt::format("\nx {} {} {}{}", step.number, step.name, unknown ? "may or may not have run" : "failed",
                        seat.seat.host.empty() ? "" : " on " + seat.seat.host);
    if (status.begun) text += " after " + took_text(std::chrono::duration_cast<Milliseconds>(now - *status.begun));
    text += "\n\n" + indented(seat.error, "  ");
    if (!seat.command.empty()) text += fmt::format("  ran on {}: {}\n", seat.seat.host, printable(seat.command));
    if (seat.exit_code != 0) text += fmt::format("  exit {}\n", seat.exit_code);
  }
  text += fmt::format("  its output: migrate log {} {}\n", run, step.number);
  text += "\n  What state things are in\n" + host_states(plan, state);
  if (auto down = state.downtime(now)) text += fmt::format("    Down for {}.", took_text(*down));
  text += fmt::format("    Point of no return {}.\n", past_point_of_no_return(plan, state) ? "PASSED" : "not reached");
  return text;
}

std::string finish_text(const Plan& plan, const std::string& run, const Finish& finish, const RunState& state,
                        Time now) {
  int done = 0, touched = 0;
  for (const StepStatus& step : state.steps()) {
    done += step.done() ? 1 : 0;
    touched += step.touched() ? 1 : 0;
  }
  const std::string took =
      state.begun() ? took_text(std::chrono::duration_cast<Milliseconds>(now - *state.begun())) : std::string("0 s");
  std::string text = "\n";
  switch (finish.exit) {
    case 0:
      text += fmt::format("Done: {} steps in {}.", done, took);
      if (auto down = state.downtime(now)) text += fmt::format(" Downtime: {}.", took_text(*down));
      text += fmt::format("\nTo take it all back:  migrate rollback {} --to start\n", run);
      return text;
    case 3:
      text += touched == 0 ? "Rolled back: everything is as it was before the run.\n"
                           : fmt::format("Rolled back. {} earlier step{} stay{} in effect.\n", touched,
                                         touched == 1 ? "" : "s", touched == 1 ? "s" : "");
      text += fmt::format("To go forward again:  migrate resume {}\n", run);
      if (touched > 0) text += fmt::format("To take back the rest: migrate rollback {} --to start\n", run);
      return text;
    case 4:
      text += fmt::format("ROLLBACK INCOMPLETE: {}.\n", finish.why);
      for (int index = 0; index < state.size(); ++index) {
        for (const SeatStatus& seat : state.step(index).seats) {
          if (!seat.undo_owed) continue;
          const Step& step = plan.steps[static_cast<std::size_t>(index)];
          text += fmt::format("  still to be taken back: {} {} on {}\n{}", step.number, step.name, seat.seat.host,
                              indented(seat.error, "      "));
        }
      }
      text += fmt::format("When the cause is mended:  migrate rollback {} --to start\n", run);
      return text;
    default:
      break;
  }
  text += fmt::format("Stopped: {}. {} of {} steps done.\n", finish.why, done, state.size());
  text += fmt::format("  go on:       migrate resume {}\n", run);
  if (touched > 0) {
    text += fmt::format("  step back:   migrate rollback {}\n", run);
    text += fmt::format("  all back:    migrate rollback {} --to start    ({} step{} to undo)\n", run, touched,
                        touched == 1 ? "" : "s");
  }
  return text;
}

std::string scope_text(const Plan& plan, const RunState& state, const std::vector<int>& steps) {
  std::string text;
  for (int index : steps) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    std::string how = undo_text(step);
    if (how.empty()) how = change_text(state.step(index), "undo");
    text += fmt::format("  {:<6} {:<58} {}\n", step.number, step.name, hosts_text(step));
    if (!how.empty()) text += fmt::format("           undo: {}\n", printable(how));
  }
  return text;
}

namespace {

std::string preview_line(const Step& step, char mark, const std::string& summary) {
  std::string line = fmt::format("    {:<5} {} {:<56} {}", step.number, mark, step.name, hosts_text(step));
  if (!summary.empty()) line += "  " + printable(summary);
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string preview_text(const Step& step, const DryRun::StepPreview& preview) {
  if (preview.seats.empty()) {
    std::string what = preview.check ? "looks only" : "waits";
    if (step.call.action == "checklist" || step.call.action == "approve") what = "asks a person";
    if (step.call.action == "wait" && step.call.params.contains("for")) {
      what = "waits " + took_text(Milliseconds(step.call.params.at("for").as_int64()));
    }
    return preview_line(step, '=', what);
  }
  // one line for the step, marked by the seat that changes most
  static constexpr std::string_view order = "?~-+=";
  const DryRun::SeatPreview* main = nullptr;
  for (const auto& seat : preview.seats) {
    if (seat.seat.role == "source" && seat.error.empty()) continue;  // it is only read, or the target says the same
    if (!main || !seat.error.empty() || order.find(seat.change.mark) < order.find(main->change.mark)) main = &seat;
  }
  if (!main) main = &preview.seats.front();
  char mark = main->error.empty() ? main->change.mark : '?';
  if (step.undo.kind == Undo::Kind::irreversible) mark = '!';
  std::string text = preview_line(step, mark, main->error.empty() ? main->change.summary : "cannot be predicted");
  for (const auto& seat : preview.seats) {
    if (!seat.error.empty()) text += indented(seat.seat.host + ": " + seat.error, "            ");
    for (const std::string& line : seat.change.details) text += indented(line, "            ");
  }
  std::string undo = undo_text(step);
  if (undo.empty()) undo = main->change.undo;
  if (mark != '=' && !undo.empty()) text += fmt::format("            undo: {}\n", printable(undo));
  return text;
}

}  // namespace

std::string dry_run_text(const Plan& plan, const std::vector<DryRun::StepPreview>& previews) {
  std::string text;
  int phase = -1, predicted = 0;
  std::vector<std::string> opaque;
  for (const auto& preview : previews) {
    const Step& step = plan.steps[static_cast<std::size_t>(preview.step)];
    if (step.phase != phase) {
      phase = step.phase;
      const Phase& is = plan.phases[static_cast<std::size_t>(phase)];
      text += fmt::format("{}{:>2}  {}\n", text.empty() ? "" : "\n", is.number, is.name);
    }
    text += preview_text(step, preview);
    if (!step.point_of_no_return.empty()) {
      text += fmt::format("    ------ point of no return: {}\n", step.point_of_no_return);
    }
    if (preview.opaque()) {
      opaque.push_back(step.number);
    } else {
      ++predicted;
    }
  }
  text += fmt::format("\n{} of {} steps predicted", predicted, previews.size());
  if (!opaque.empty()) text += fmt::format(", {} opaque: {}", opaque.size(), fmt::join(opaque, ", "));
  text += ".\nNothing was changed.\n";
  return text;
}

}  // namespace migrate
