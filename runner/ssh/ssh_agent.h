// Bringing an agent up on a host over ssh, and carrying its bytes: a thread a host, nothing shared.
#pragma once

#include "plans/plan.h"

#include <functional>
#include <memory>
#include <string>

namespace migrate {

struct SshAgentOptions {
  Host host;                  // of the plan
  std::string ssh_config;     // "": the user's and the system's; else this file only (also env MIGRATE_SSH_CONFIG)
  std::string server_socket;  // Unix socket of the job server that the agent's bytes are carried to
  std::string bundle;         // path of the bundle (see bundle.h)
  std::string bundle_digest;  // its folder's name on the host
  std::string state_folder;   // the agent's, "" for its default
};

/// One agent on one host. Callbacks come from the host's own thread: post them to your loop.
class SshAgent {
 public:
  struct Callbacks {
    std::function<void()> ready;  // the agent has greeted; it is a worker of the server now
    /// Never became ready, or ended later. One or two sentences that name the host, the cause (not found, refused,
    /// timed out, host key changed, host key unknown, no key accepted, sudo missing, no space, wrong architecture) and
    /// what to do. Called once; nothing after it.
    std::function<void(std::string)> ended;
    std::function<void(std::string)> progress;  // "uploading the agent, 12 of 31 MB"
  };
  SshAgent(SshAgentOptions options, Callbacks callbacks);  // starts its thread
  ~SshAgent();                                             // closes the connection, joins
  SshAgent(const SshAgent&) = delete;
  SshAgent& operator=(const SshAgent&) = delete;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace migrate
