#include "runner/agent/agent.h"
#include "runner/cli/commands.h"
#include "runner/jobserver/serve.h"

namespace migrate {

int agent_command(const Arguments& arguments) {
  return run_agent({.name = arguments.name, .state_folder = arguments.state});
}

int server_command(const Arguments& arguments) { return serve(arguments.listen); }

}  // namespace migrate
