#include "runner/ssh/agent_script.h"

#include <fmt/format.h>

namespace migrate {
namespace {

constexpr std::string_view cache = "\"${XDG_CACHE_HOME:-$HOME/.cache}/migrate\"";

// The user's login shell may be any: it is given two words and a third that every shell quotes alike, on one line.
std::string in_posix_shell(const std::string& script) { return "exec /bin/sh -c " + shell_quote(script); }

}  // namespace

std::string shell_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

// The empty line first ends what a start-up file may have printed without an end of line. sudo is tried before an
// upload: nobody wants to wait for that and then read that it was in vain. `touch` marks the version as in use.
std::string start_command(const AgentScript& script) {
  auto arguments = "agent --stdio --name " + shell_quote(script.name);
  if (!script.state_folder.empty()) arguments += " --state " + shell_quote(script.state_folder);
  const std::string sudo = script.become_root
                               ? "if test \"$(id -u)\" != 0; then s=\"sudo -n\"; command -v sudo >/dev/null || "
                                 "{ echo migrate-no-sudo; exit 0; }; fi; "
                               : "";
  return in_posix_shell(
      fmt::format("echo; s=; {}d={}/{}; if test -e \"$d/migrate-agent\"; then "
                  "touch \"$d\" 2>/dev/null; exec $s \"$d/migrate-agent\" {}; fi; "
                  "if test -n \"$s\" && ! $s true; then echo migrate-sudo-refused; exit 0; fi; "
                  "echo \"migrate-missing $(uname -m)\"",
                  sudo, cache, script.folder, arguments));
}

// Synced before the move: after a power cut there must not be a folder of empty files in the right place.
std::string upload_command(const AgentScript& script, std::string_view unique) {
  return in_posix_shell(
      fmt::format("umask 077; LC_ALL=C; export LC_ALL; c={}; d=\"$c/{}\"; t=\"$c/upload-{}\"; "
                  "mkdir -p \"$t\" && tar -xzof - -C \"$t\" && {{ sync \"$t\"/* \"$t\"/lib/* 2>/dev/null; "
                  "mv -T \"$t\" \"$d\" || test -e \"$d/migrate-agent\"; }}; r=$?; rm -rf \"$t\"; "
                  "find \"$c\" -maxdepth 1 \\( -name \"agent-*\" -o -name \"upload-*\" \\) -mtime +30 ! -path \"$d\" "
                  "-exec rm -rf {{}} + 2>/dev/null; echo; if test $r = 0; then echo migrate-uploaded; fi; exit $r",
                  cache, script.folder, unique));
}

}  // namespace migrate
