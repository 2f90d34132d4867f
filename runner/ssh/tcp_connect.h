// A TCP connection to a host, with the causes of a failure told apart.
#pragma once

#include "runner/ssh/interrupt.h"

#include <chrono>
#include <string>

namespace migrate {

/// Tries the addresses of `host` in order, each for an even share of `timeout`. The socket is blocking, close-on-exec,
/// without Nagle's delay, and notices a dead peer within 30 s. Throws Failure with a clause that goes after "Cannot
/// connect to old: ": the cause, and what to look at.
int connect_tcp(const std::string& host, int port, std::chrono::milliseconds timeout, const Interrupt& interrupt);

}  // namespace migrate
