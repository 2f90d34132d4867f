#include "steps/rsync_transfer.h"

#include "steps/pipe_talk.h"
#include "steps/printable.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

namespace migrate {
namespace {

constexpr int some_files_vanished = 24;  // rsync's exit code: the tree is alive, and what is there was copied
constexpr std::string_view last_word = "end-of-command";
constexpr std::size_t longest_command = 64 * 1024;

/// What rsync starts as its remote shell. It tells the command that it was asked for on descriptor 4, waits for leave,
/// and then joins rsync's ends to descriptors 3 and 4, which the agent has joined to the pipe. rsync splits this text
/// at spaces outside of quotes and knows no backslashes there. A background cat would get /dev/null as its input,
/// hence 5.
constexpr std::string_view remote_shell =
    "sh -c '"
    "exec 5<&0; printf \"%s\\n\" \"$@\" end-of-command >&4; read -r leave <&3 || exit 1; "
    "cat <&5 >&4 3<&- 4>&- 5<&- & exec cat <&3 3<&- 4>&- 5<&-"
    "' pipe";

std::string with_slash(const std::string& path) { return path == "/" ? path : path + "/"; }

Command client(const RsyncOrder& order) {
  Command command;
  command.argv = {"rsync", "-aHAX", "--numeric-ids", "--stats", "--no-human-readable", "-e", std::string(remote_shell)};
  command.argv.push_back("--blocking-io");       // else the remote shell's output fails when the pipe to rsync is full
  command.argv.push_back("--modify-window=-1");  // else times that differ by less than a second count as equal
  if (order.remove) command.argv.push_back("--delete");
  if (order.checksum) command.argv.push_back("--checksum");
  if (order.bytes_per_second > 0)
    command.argv.push_back(fmt::format("--bwlimit={}", (order.bytes_per_second + 1023) / 1024));
  for (const auto& pattern : order.exclude) command.argv.push_back("--exclude=" + pattern);
  command.argv.push_back("source:" + with_slash(order.from));
  command.argv.push_back(with_slash(order.to));
  // From 3.2.4 on rsync escapes the path for a remote shell; there is none that would take that away again.
  command.env["RSYNC_OLD_ARGS"] = "1";
  return command;
}

/// Letters of options in one word, as in -logDtpre.iLsfxCIvu; behind `e` it says what the client can do. `s` would let
/// the real arguments come later, unchecked.
bool is_harmless_option(const std::string& word) {
  static constexpr std::array harmless{"--numeric-ids", "--no-inc-recursive", "--no-i-r", "--delete-during",
                                       "--delete-delay"};
  if (std::find(harmless.begin(), harmless.end(), word) != harmless.end()) return true;
  if (word.starts_with("--bwlimit=")) return word.find_first_not_of("0123456789", 10) == std::string::npos;
  if (word.size() < 2 || word[0] != '-' || word[1] == '-') return false;
  const auto letters = word.substr(1, word.find('e') - 1);
  return letters.find_first_not_of("lHogDtpAXrcvzxSWu") == std::string::npos;
}

std::vector<std::string> receive_words(Pipe& pipe) {
  std::string text;
  const auto end = std::string(last_word) + "\n";
  while (!text.ends_with(end)) {
    const Pipe::Frame frame = pipe.receive();
    if (frame.kind == Pipe::Kind::error) throw Failure("The other host said: " + printable(frame.data));
    text += frame.data;
    if (frame.kind != Pipe::Kind::bytes || text.size() > longest_command) {
      throw Failure("The other host did not send the command of its rsync.");
    }
  }
  std::vector<std::string> words;
  std::istringstream lines(text.substr(0, text.size() - end.size()));
  for (std::string line; std::getline(lines, line);) words.push_back(line);
  return words;
}

/// The number behind `label` in rsync's --stats.
std::uint64_t statistic(const std::string& stats, std::string_view label) {
  const auto at = stats.find(label);
  if (at == std::string::npos) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = at + label.size(); i < stats.size() && stats[i] >= '0' && stats[i] <= '9'; ++i) {
    value = value * 10 + static_cast<std::uint64_t>(stats[i] - '0');
  }
  return value;
}

/// "Number of files: 3005 (reg: 3000, dir: 5)"; the part in brackets leaves out what is 0.
std::uint64_t regular_files(const std::string& stats) {
  const auto at = stats.find("Number of files: ");
  return at == std::string::npos ? 0 : statistic(stats.substr(at, stats.find('\n', at) - at), "reg: ");
}

void require_rsync_ok(System& system, Pipe& pipe, const Exit& exit, const std::string& what) {
  if (exit.ok()) return;
  if (exit.code != some_files_vanished) {
    throw Failure(fmt::format("{}: {}", what, exit.timed_out ? "its time is over." : last_lines(exit.err, 5, "")),
                  "rsync", exit.code);
  }
  system.log("Some files vanished from the source while it was read; the others were copied.");
  pipe.send(Pipe::Kind::end, "");  // run_through() says no end for a program that failed
}

}  // namespace

std::vector<std::string> checked_sender(const std::vector<std::string>& words, const std::string& path) {
  // "source" is the host's name on the command line, by which a remote shell would find it.
  const std::size_t size = words.size();
  bool allowed = size >= 6 && words[0] == "source" && words[1] == "rsync" && words[2] == "--server" &&
                 words[3] == "--sender" && words[size - 2] == "." && words[size - 1] == with_slash(path);
  for (std::size_t at = 4; allowed && at < size - 2; ++at) allowed = is_harmless_option(words[at]);
  if (allowed) return {words.begin() + 1, words.end()};
  std::string asked;
  for (const auto& word : words) asked += " " + word;
  throw Failure(fmt::format("The other host's rsync asked to run here:{}. This step allows nothing but to send {}.",
                            printable(asked), with_slash(path)));
}

void send_tree(System& system, Pipe& pipe, const RsyncOrder& order) {
  const TreeSize before = tree_size(system, order.from);
  system.progress(0, before.bytes);
  send_note(pipe, {{"files", before.files}, {"bytes", before.bytes}});
  Command command;
  command.argv = checked_sender(receive_words(pipe), order.from);
  pipe.send(Pipe::Kind::bytes, "go\n");
  const Exit exit = system.run_through(pipe, command, 0, 1);
  require_rsync_ok(system, pipe, exit, "rsync could not read " + order.from);
  const TreeSize after = tree_size(system, order.from);
  const bool changed = !exit.ok() || after.files != before.files || after.bytes != before.bytes;
  send_note(pipe, {{"changed", changed}});
}

boost::json::object receive_tree(System& system, Pipe& pipe, const RsyncOrder& order) {
  const auto announced = receive_note(pipe);
  if (announced.contains("bytes")) system.progress(0, announced.at("bytes").to_number<std::uint64_t>());
  const Exit exit = system.run_through(pipe, client(order), 3, 4);
  require_rsync_ok(system, pipe, exit, "rsync could not write " + order.to);
  const auto farewell = receive_note(pipe);
  return {{"files", regular_files(exit.out)},
          {"bytes", statistic(exit.out, "Total file size: ")},
          {"transferred", statistic(exit.out, "Total transferred file size: ")},
          {"source_changed", farewell.contains("changed") && farewell.at("changed").as_bool()}};
}

}  // namespace migrate
