#include "runner/ssh/ssh_sentences.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {
namespace {

std::string known_as(const HostKeyFacts& facts) {
  return facts.port == 22 ? facts.host : fmt::format("[{}]:{}", facts.host, facts.port);
}

std::string scan(const HostKeyFacts& facts) {
  return fmt::format("ssh-keyscan -p {} {} >> {}", facts.port, facts.host, facts.file);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Several lines become one, without what could play with the terminal.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      if (!line.empty() && line.back() != ' ') line += line.back() == ';' ? " " : "; ";
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      line += c;
    }
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == ';' || line.back() == '.')) line.pop_back();
  return line;
}

std::string words_of(const RemoteEnd& end) {
  const auto words = one_line(end.errors);
  return words.empty() ? one_line(end.output) : words;
}

std::string how_it_ended(const RemoteEnd& end) {
  const auto words = words_of(end);
  const auto status =
      end.exit_status < 0 ? std::string("without an exit code") : fmt::format("with exit code {}", end.exit_status);
  return words.empty() ? status + " and said nothing" : fmt::format("{}: {}", status, words);
}

}  // namespace

std::string host_key_changed(const HostKeyFacts& facts) {
  return fmt::format(
      "The host key of {} has changed: it shows {}, and {} holds another one for {}. The host was reinstalled, or this "
      "is "
      "an attack: compare the fingerprint with that of the host key on the machine itself (ssh-keygen -lf "
      "/etc/ssh/ssh_host_..._key.pub), and only if they are equal: ssh-keygen -R '{}' -f {} && {}",
      facts.label, facts.fingerprint, facts.file, known_as(facts), known_as(facts), facts.file, scan(facts));
}

std::string host_key_unknown(const HostKeyFacts& facts) {
  return fmt::format(
      "The host key of {} is unknown: it shows {}, and {} has no entry for {}. If that is the host's fingerprint, "
      "accept it "
      "by connecting once with `ssh {}`, or with: {}",
      facts.label, facts.fingerprint, facts.file, known_as(facts), facts.address, scan(facts));
}

std::string agent_did_not_start(const RemoteEnd& end) {
  if (has(end.errors, "sudo: Permission denied") || has(end.errors, "sudo: not found")) {
    return sudo_missing(end.label, end.user);  // it went away, or its mode, between the look and the call
  }
  if (has(end.errors, "sudo: ")) return sudo_refused(end.label, end.user, end.errors);
  if (end.exit_status == 126 || has(end.errors, "Permission denied") || has(end.errors, "failed to map segment")) {
    return fmt::format(
        "The agent on {} may not be executed ({}). Is the home folder of {} mounted noexec there? Then "
        "mount it without, or point XDG_CACHE_HOME to a folder where programs may run.",
        end.label, words_of(end), end.user);
  }
  return fmt::format("The agent on {} did not start; {}'s shell ended {}.", end.label, end.user, how_it_ended(end));
}

std::string upload_failed(const RemoteEnd& end) {
  if (has(end.errors, "No space left") || has(end.errors, "quota exceeded")) {
    return fmt::format(
        "There is no space left on {} for the agent, in the home folder of {} ({}). It needs about 100 MB.", end.label,
        end.user, words_of(end));
  }
  if (has(end.errors, "Read-only file system")) {
    return fmt::format("The agent could not be put on {}: the home folder of {} is read-only ({}).", end.label,
                       end.user, words_of(end));
  }
  return fmt::format("The agent could not be put on {} into ~{}/.cache/migrate; it ended {}.", end.label, end.user,
                     how_it_ended(end));
}

std::string agent_ended(const RemoteEnd& end) {
  return fmt::format("The agent on {} ended {}.", end.label, how_it_ended(end));
}

std::string sudo_missing(std::string_view label, std::string_view user) {
  return fmt::format(
      "The plan says `become: root` for {}, but there is no sudo that {} may run there. Install sudo and allow it "
      "without a password, or log in as root (`user: root`).",
      label, user);
}

std::string sudo_refused(std::string_view label, std::string_view user, std::string_view errors) {
  if (has(errors, "sudo: Permission denied")) return sudo_missing(label, user);
  return fmt::format(
      "sudo on {} does not let {} become root without a password ({}). Allow it there with a line like "
      "`{} ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d, or log in as root.",
      label, user, one_line(errors), user);
}

std::string wrong_architecture(std::string_view label, std::string_view theirs, std::string_view ours) {
  return fmt::format(
      "The agent cannot run on {}: it is a {} machine, and this migrate is built for {}. Run migrate from a "
      "{} machine.",
      label, theirs, ours, theirs);
}

}  // namespace migrate
