// Carries an agent's bytes: between its ssh channel and the job server's socket.
#pragma once

#include "runner/ssh/ssh_connection.h"

#include <string>

namespace migrate {

enum class PumpEnd { interrupted, server_closed, agent_closed };

/// Carries bytes both ways until one side ends, after what that side had sent has arrived. `from_agent` is what came
/// from the agent already. A slow side slows the other down: at most some 100 KiB are under way. Throws Failure when
/// the connection is lost.
PumpEnd pump_bytes(SshConnection& connection, SshCommand& agent, int server, std::string from_agent);

}  // namespace migrate
