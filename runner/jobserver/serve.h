// `migrate server`: the job server as a program of its own.
#pragma once

#include <string>
#include <vector>

namespace migrate {

/// Runs until SIGTERM, SIGINT or the text command `shutdown`; logs to standard error. Addresses are HOST:PORT,
/// [V6]:PORT or the path of a Unix socket (it has a slash). Gives an exit code. Throws Failure: an address is wrong or
/// taken.
int serve(const std::vector<std::string>& addresses);

}  // namespace migrate
