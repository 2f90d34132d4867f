// Putting the bundle on a host.
#pragma once

#include "runner/ssh/agent_script.h"
#include "runner/ssh/ssh_connection.h"

#include <functional>
#include <string>

namespace migrate {

/// Returns when it is in its place, or the interrupt was raised. `progress` gets a sentence a few times a second.
/// Throws Failure with the host's own words.
void upload_agent(SshConnection& connection, const AgentScript& script, const std::string& bundle,
                  const std::function<void(std::string)>& progress);

}  // namespace migrate
