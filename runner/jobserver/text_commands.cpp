#include "runner/jobserver/text_commands.h"

#include "runner/jobserver/printable.h"
#include "runner/jobserver/text_listings.h"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

namespace migrate {
namespace {

constexpr std::size_t most_words = 6;  // beyond it gearmand hangs up, and so do we
constexpr std::string_view ok = "OK\r\n";

struct Call {
  Queue& queue;
  const std::vector<std::string_view>& words;  // the command itself is the first
  const TextCaller& caller;
  Turn& turn;

  bool is(std::size_t at, std::string_view word) const {
    return at < words.size() && boost::algorithm::iequals(words[at], word);
  }
};

/// No blank before the command: gearmand's own format, which clients match.
TextAnswer unknown_command(const Call& call) {
  return {fmt::format("ERR UNKNOWN_COMMAND Unknown+server+command{}\r\n", listed(call.words[0]))};
}

TextAnswer incomplete(const Call& call) {
  return {fmt::format("ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+{}\r\n",
                      listed(call.words[0]))};
}

TextAnswer show(const Call& call) {
  if (call.words.size() < 2) return unknown_command(call);
  if (call.is(1, "jobs")) return {list_jobs(call.queue)};
  if (call.is(1, "unique") && call.is(2, "jobs")) return {list_unique_jobs(call.queue)};
  return {"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"};
}

std::size_t limit_of(std::string_view text) {
  long long number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number > 0 ? static_cast<std::size_t>(number) : 0;
}

/// `maxqueue F [n]` or `maxqueue F high normal low`; without a number there is no limit.
TextAnswer max_queue(const Call& call) {
  const auto& words = call.words;
  if (words.size() < 2) return incomplete(call);
  std::array<std::size_t, priority_count> most{};
  if (words.size() == 3 || words.size() == 4) most.fill(limit_of(words[2]));
  if (words.size() >= 5) most = {limit_of(words[2]), limit_of(words[3]), limit_of(words[4])};
  call.queue.set_most_jobs(words[1], most);
  return {std::string(ok)};
}

TextAnswer create(const Call& call) {
  if (!call.is(1, "function") || call.words.size() < 3) return incomplete(call);
  call.queue.create_function(call.words[2]);
  return {std::string(ok)};
}

TextAnswer drop(const Call& call) {
  if (!call.is(1, "function") || call.words.size() < 3) return incomplete(call);
  switch (call.queue.drop_function(call.words[2])) {
    case Queue::Dropped::yes:
      return {std::string(ok)};
    case Queue::Dropped::unknown:
      return {"ERR function not found\r\n"};
    case Queue::Dropped::in_use:
      break;
  }
  return {"ERR there are still connected workers or executing clients\r\n"};
}

TextAnswer cancel(const Call& call) {
  if (!call.is(1, "job") || call.words.size() < 3) return unknown_command(call);
  if (!call.queue.cancel(call.words[2], call.turn)) return {"ERR UNKNOWN_JOB\r\n"};
  return {std::string(ok)};
}

TextAnswer shut_down(const Call& call) {
  if (!call.caller.may_shut_down)
    return {"ERR NOT_ALLOWED shutdown+is+taken+over+the+server's+own+Unix+socket+only\r\n"};
  const auto how = call.is(1, "graceful") ? TextAnswer::Shutdown::graceful : TextAnswer::Shutdown::at_once;
  return {std::string(ok), false, how};
}

TextAnswer help(const Call&) {
  return {
      "status                         jobs, running jobs and workers of each function\n"
      "prioritystatus                 waiting jobs of each function by priority, and workers\n"
      "workers                        connections and what they can do\n"
      "show jobs                      handle, retries, ignored, background\n"
      "show unique jobs               unique ids\n"
      "cancel job HANDLE              ends a job; who waits for it is told that it failed\n"
      "maxqueue FUNCTION [N | H N L]  most jobs of a function; 0: no limit\n"
      "create function FUNCTION\n"
      "drop function FUNCTION         one without jobs and workers\n"
      "version, getpid, verbose\n"
      "shutdown [graceful]            over the Unix socket only\n"
      "quit, exit\n"
      ".\n"};
}

struct Command {
  std::string_view name;
  TextAnswer (*answer)(const Call&);
};

constexpr std::array<Command, 15> commands{{
    {"status", [](const Call& call) -> TextAnswer { return {list_status(call.queue)}; }},
    {"prioritystatus", [](const Call& call) -> TextAnswer { return {list_priority_status(call.queue)}; }},
    {"workers", [](const Call& call) -> TextAnswer { return {list_workers(call.queue)}; }},
    {"version", [](const Call&) -> TextAnswer { return {"OK " MIGRATE_VERSION "\n"}; }},
    {"getpid", [](const Call&) -> TextAnswer { return {fmt::format("OK {}\n", ::getpid())}; }},
    {"verbose", [](const Call& call) -> TextAnswer { return {fmt::format("OK {}\n", call.caller.log_level)}; }},
    {"quit",
     [](const Call&) -> TextAnswer {
       return {"", true};
     }},
    {"exit",
     [](const Call&) -> TextAnswer {
       return {"", true};
     }},
    {"show", show},
    {"maxqueue", max_queue},
    {"create", create},
    {"drop", drop},
    {"cancel", cancel},
    {"shutdown", shut_down},
    {"help", help},
}};

/// Split at blanks. A leading blank makes the first word empty, which is no command.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    if (words.empty() || !word.empty()) words.push_back(word);
    if (end == std::string_view::npos) return words;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

TextAnswer answer_text(Queue& queue, std::string_view line, const TextCaller& caller, Turn& turn) {
  const std::vector<std::string_view> words = words_of(line);
  if (words.size() > most_words) return {"", true};
  const Call call{queue, words, caller, turn};
  for (const Command& command : commands)
    if (boost::algorithm::iequals(words[0], command.name)) return command.answer(call);
  return unknown_command(call);
}

}  // namespace migrate
