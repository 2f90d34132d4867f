// An ssh connection to one host, and the commands run over it. libssh stays in ssh_connection.cpp. For one thread.
#pragma once

#include "runner/ssh/interrupt.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssh_session_struct;
struct ssh_channel_struct;
struct ssh_event_struct;

namespace migrate {

struct SshTarget {
  std::string name;     // as the plan names it
  std::string address;  // what ssh_config's `Host` patterns are matched with
  std::string user;     // "": as ssh_config says
  int port = 0;         // 0: as ssh_config says
  std::string config;   // "": the user's and the system's ssh_config; else this file only
};

class SshConnection {
 public:
  /// Connects, checks the host's key against known_hosts and authenticates with the agent's and the files' keys; never
  /// asks anything. Blocks, for a few times 10 s at most; `interrupt` breaks it off, and must outlive this.
  /// Throws Failure with sentences that name the host, the cause and what to do.
  SshConnection(const SshTarget& target, Interrupt& interrupt);
  ~SshConnection();
  SshConnection(const SshConnection&) = delete;
  SshConnection& operator=(const SshConnection&) = delete;

  /// "old (192.0.2.7)": for sentences.
  const std::string& label() const { return label_; }
  /// Who is logged in, as ssh_config or the plan says.
  const std::string& user() const { return user_; }
  bool interrupted() const { return interrupt_.raised(); }

  /// Waits until the host has sent something or takes more, `other` is ready for `events`, the interrupt was raised or
  /// `at_most` has passed. Returns what `other` is ready for. Asks the host for a sign of life when it is silent for 15
  /// s, and throws Failure when it has been for 45 s.
  short wait(std::chrono::milliseconds at_most, int other = -1, short events = 0);

 private:
  friend class SshCommand;
  struct Close {
    void operator()(ssh_session_struct* session) const;
    void operator()(ssh_event_struct* event) const;
  };
  void read_config(const SshTarget& target);
  void connect(const SshTarget& target, Interrupt::Watch& watch);
  void check_host_key(const SshTarget& target) const;
  void authenticate() const;
  void watch_life(bool heard);
  void take_packets();
  bool writing() const;  // bytes wait for room in the socket

  Interrupt& interrupt_;
  std::unique_ptr<ssh_session_struct, Close> session_;
  std::unique_ptr<ssh_event_struct, Close> event_;
  std::string label_, user_, host_;
  int port_ = 22;
  std::chrono::steady_clock::time_point heard_, asked_;
};

/// A command that runs on a host: its streams and its end. Blocks only while it is started.
class SshCommand {
 public:
  /// Throws Failure, as all others do, when the connection is lost. `connection` must outlive this.
  SshCommand(SshConnection& connection, const std::string& command);
  ~SshCommand();
  SshCommand(const SshCommand&) = delete;
  SshCommand& operator=(const SshCommand&) = delete;

  /// Appends what has arrived to `output`, up to about `limit` bytes in all. The host is slowed down by not reading.
  void receive(std::string& output, std::size_t limit);
  /// Gives as much of `bytes` to the host as it takes now; returns how much. Something may have arrived meanwhile:
  /// receive() before the next wait().
  std::size_t send(std::string_view bytes);
  void send_end();

  /// Nothing more comes from receive().
  bool output_ended() const;
  /// The host has also said how it ended.
  bool closed() const;
  /// -1 when it did not say.
  int exit_status() const;
  /// The last 4 KiB of its standard error.
  const std::string& errors() const { return errors_; }

 private:
  void receive_from(bool is_error, std::string& into, std::size_t limit);
  [[noreturn]] void fail() const;

  SshConnection& connection_;
  ssh_channel_struct* channel_ = nullptr;
  std::string errors_;
};

}  // namespace migrate
