// The worker on a host: takes jobs from a job server over one connection and carries each out in a process of its own.
#pragma once

#include <string>

namespace migrate {

struct AgentOptions {
  std::string name;          // the host's name in the plan: it registers migrate@NAME
  std::string state_folder;  // ledger and kept copies; "": /var/lib/migrate/agent as root, else ~/.local/state/migrate/agent
};

/// `migrate agent --stdio`: the connection is standard input and output (a socket, or an ssh channel). Writes the line
/// "migrate-agent 1\n" first, then speaks the worker's side of the Gearman protocol. When the connection ends it takes no
/// more jobs, lets those that run come to their end (their outcomes go into the ledger), and returns. Returns an exit code.
int run_agent(const AgentOptions& options);

}  // namespace migrate
