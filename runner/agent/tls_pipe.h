// The pipe between two agents: TLS 1.3 with a one-time pre-shared key, frames of kind + length + bytes.
// docs/protocol.md describes the bytes.
#pragma once

#include "steps/system.h"

#include <chrono>
#include <functional>
#include <memory>

namespace migrate {

/// Listens on an ephemeral port (IPv4 and IPv6), calls `announce` with the offer, and waits for one peer that knows the
/// key; others are turned away. Throws Failure after `timeout`.
std::unique_ptr<Pipe> accept_tls_pipe(const std::function<void(const PipeOffer&)>& announce, std::chrono::milliseconds timeout);

/// Tries the addresses in order; the Failure names each with its error.
std::unique_ptr<Pipe> connect_tls_pipe(const PipeOffer& offer, std::chrono::milliseconds timeout);

/// System::run_through, for any Pipe made here.
Exit run_command_through(Pipe& pipe, const Command& command, int in_fd, int out_fd, std::chrono::milliseconds timeout,
                         const std::function<void(std::uint64_t done)>& on_bytes, const std::function<void(std::string_view)>& on_line);

}  // namespace migrate
