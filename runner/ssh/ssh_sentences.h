// What the operator reads when a host's agent doesn't come up, or ends. Pure: facts in, sentences out.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

struct HostKeyFacts {
  std::string label;    // "old (192.0.2.7)"
  std::string address;  // as the plan has it: what to give to ssh
  std::string host;     // as known_hosts has it
  int port = 22;
  std::string fingerprint;  // "ssh-ed25519 SHA256:..."
  std::string file;         // known_hosts
};
std::string host_key_changed(const HostKeyFacts& facts);
std::string host_key_unknown(const HostKeyFacts& facts);

/// How a command on the host ended, when it did not do what it was started for.
struct RemoteEnd {
  std::string label;
  std::string user;
  int exit_status = -1;  // -1: not known
  std::string errors;    // the last of its standard error
  std::string output;    // what it said instead, where that may help
};
/// The agent didn't greet: sudo wants a password, a home mounted noexec, an account without a shell...
std::string agent_did_not_start(const RemoteEnd& end);
/// The bundle did not arrive: no space, no home folder, no tar...
std::string upload_failed(const RemoteEnd& end);
/// It had greeted, and is gone.
std::string agent_ended(const RemoteEnd& end);

std::string sudo_missing(std::string_view label, std::string_view user);
std::string sudo_refused(std::string_view label, std::string_view user, std::string_view errors);
std::string wrong_architecture(std::string_view label, std::string_view theirs, std::string_view ours);

}  // namespace migrate
