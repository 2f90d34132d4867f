// What is run on a host to bring an agent up there: two lines of POSIX shell, and what their answers mean. Pure.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

struct AgentScript {
  std::string name;          // the host's name in the plan
  std::string folder;        // "agent-0123456789ab": in ${XDG_CACHE_HOME:-~/.cache}/migrate on the host
  std::string state_folder;  // "" for the agent's default
  bool become_root = false;
};

/// Starts the agent if it is there. Otherwise answers with one of the lines below, and changes nothing.
std::string start_command(const AgentScript& script);

/// Takes the bundle (.tar.gz) from its standard input and puts it in its place in one move; answers "migrate-uploaded".
/// Two of them at once do no harm. `unique` tells their temporary folders apart. Folders of other versions that nobody
/// has started for 30 days go.
std::string upload_command(const AgentScript& script, std::string_view unique);

/// The lines that the commands answer with, each at the beginning of a line: what a shell's start-up files print may
/// come before them.
inline constexpr std::string_view greeting_line = "migrate-agent 1";
inline constexpr std::string_view missing_line = "migrate-missing ";  // followed by `uname -m`
inline constexpr std::string_view no_sudo_line = "migrate-no-sudo";
inline constexpr std::string_view sudo_refused_line = "migrate-sudo-refused";
inline constexpr std::string_view uploaded_line = "migrate-uploaded";

/// One word of a shell command.
std::string shell_quote(std::string_view text);

}  // namespace migrate
