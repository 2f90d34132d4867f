#include "runner/cli/terminal.h"

#include "runner/report/words.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>

namespace migrate {
namespace {

struct Choice {
  char key;
  std::string_view name;  // for the engine
  std::string_view text;  // for the person
};

void write_out(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;  // whoever reads has gone; the run goes on, the journal has it all
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string choose(const std::string& question, const std::vector<Choice>& choices) {
  for (;;) {
    std::string text = question + "\n";
    for (const Choice& choice : choices) text += fmt::format("    {}  {}\n", choice.key, choice.text);
    write_out(text + "  > ");
    std::string line;
    if (!std::getline(std::cin, line)) return "pause";
    for (const Choice& choice : choices) {
      if (line.size() == 1 && line[0] == choice.key) return std::string(choice.name);
      if (line == choice.name) return std::string(choice.name);
    }
  }
}

std::string ask_confirmation(const Question& question, const Step& step) {
  if (!question.message.empty()) write_out("\n" + question.message + "\n");
  if (question.items.empty()) {
    return choose(fmt::format("\n{} {}", step.number, step.name),
                  {{'y', "yes", "yes, go on"}, {'p', "pause", "pause here"}});
  }
  for (const std::string& item : question.items) {
    const std::string answer = choose(fmt::format("\n{} [ ] {}", step.number, item),
                                      {{'y', "yes", "done"}, {'p', "pause", "not yet: pause here"}});
    if (answer != "yes") return answer;
  }
  return "yes";
}

std::string ask_person(const Question& question, const Plan& plan) {
  const Step& step = plan.steps[static_cast<std::size_t>(question.step)];
  switch (question.kind) {
    case Question::Kind::confirm:
      return ask_confirmation(question, step);
    case Question::Kind::begin:
      return choose(fmt::format("\nBegin {} {} ({})?", step.number, step.name, hosts_text(step)),
                    {{'y', "yes", "yes"}, {'s', "skip", "skip this step"}, {'p', "pause", "pause here"}});
    case Question::Kind::failed:
      return choose("\n  What you can do", {{'r', "retry", "retry this step"},
                                            {'b', "phase", "back out of this phase"},
                                            {'a', "start", "back out of everything"},
                                            {'h', "done", "mark as done by hand"},
                                            {'p', "pause", "pause here"}});
    case Question::Kind::unknown:
      return choose(
          "\n  " + question.message,
          {{'h', "done", "it has run: go on"}, {'r', "retry", "it has not: run it"}, {'p', "pause", "pause here"}});
  }
  return "pause";
}

}  // namespace

bool can_ask() { return ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO); }

std::unique_ptr<Report> make_report(const Plan& plan, const std::string& run, const Arguments& arguments) {
  ReportOptions options;
  options.run = run;
  options.write = write_out;
  const char* term = std::getenv("TERM");
  options.live = ::isatty(STDOUT_FILENO) && term && std::string_view(term) != "dumb";
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  return arguments.json ? make_json_report(plan, std::move(options)) : make_text_report(plan, std::move(options));
}

Ask make_ask(const Arguments& arguments) {
  return [yes = arguments.yes, person = can_ask() && !arguments.json](
             const Question& question, const Plan& plan, const RunState&, std::function<void(std::string)> answer) {
    const bool asks_for_yes = question.kind == Question::Kind::confirm || question.kind == Question::Kind::begin;
    if (yes && asks_for_yes) return answer("yes");
    if (!person) return answer("pause");
    // A thread waits for the person, so that what runs meanwhile goes on and is shown.
    std::thread([question, &plan, answer = std::move(answer)] {
      static std::mutex one_at_a_time;
      const std::lock_guard guard(one_at_a_time);
      answer(ask_person(question, plan));
    }).detach();
  };
}

bool confirm(const std::string& question, const std::string& word) {
  if (!can_ask()) return false;
  write_out(question + " Type \"" + word + "\" to go on: ");
  std::string line;
  return std::getline(std::cin, line) && line == word;
}

}  // namespace migrate
