// The agent of the machine that `migrate` runs on: a child process at the other end of a socket pair.
#pragma once

#include "plans/plan.h"

#include <string>

namespace migrate {

/// Starts `migrate agent --stdio` and waits for its greeting. Returns our end of the connection, which from then on
/// speaks the worker's side of the Gearman protocol. The agent lives in a session of its own: it outlives this process
/// if a job is running. Throws std::runtime_error with a sentence (no such program, sudo asks for a password, ...).
int start_local_agent(const Host& host, const std::string& state_folder);

}  // namespace migrate
