// The commands: each takes the parsed command line and returns the exit code.
#pragma once

#include "runner/cli/arguments.h"

namespace migrate {

int check_command(const Arguments& arguments);
int run_command(const Arguments& arguments);
int resume_command(const Arguments& arguments);
int rollback_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int log_command(const Arguments& arguments);
int runs_command(const Arguments& arguments);
int agent_command(const Arguments& arguments);
int server_command(const Arguments& arguments);

}  // namespace migrate
