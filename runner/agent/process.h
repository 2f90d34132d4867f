// Starting programs, and ending them whole. A launcher and a handle of our own: see process.cpp why.
#pragma once

#include "steps/system.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace migrate {

/// A started program in a process group of its own. The descriptors it was given are its only ones. The destructor ends
/// the whole group if it still runs. Single-threaded use.
class ChildProcess {
 public:
  /// `fds`: the child's descriptor -> ours (0, 1, 2 missing: /dev/null). Ours stay open here: close them after the
  /// call. Throws Failure when the program isn't there or cannot be started, or the user doesn't exist.
  ChildProcess(const Command& command, const std::map<int, int>& fds);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Whether this process has ever started a program (that may have left something running).
  static bool any_was_started();
  /// Called once, before this process starts its first program.
  static void before_the_first(std::function<void()> call);

  int pid() const { return pid_; }
  /// A descriptor that becomes readable when the program has ended (pidfd): for poll(). -1 on kernels before 5.3.
  int end_fd() const { return end_fd_; }
  /// Whether it has ended; wait() doesn't block then.
  bool has_ended() const;
  /// Waits and reaps; fills code and signal only.
  Exit wait();
  /// Sends a signal to the whole group.
  void signal(int number) const;
  /// TERM to the group, KILL after `grace` to what is left of it. Does not read the program's output meanwhile.
  void end(std::chrono::milliseconds grace);

 private:
  int pid_ = -1;
  int end_fd_ = -1;
};

/// How long what was asked to end (TERM) may take until it is made to (KILL).
inline constexpr std::chrono::milliseconds ending_grace{3000};

/// Runs to the end with its output collected (and streamed line by line to `on_line` if the command says so).
/// `timeout` 0: none. When it passes: TERM to its group, KILL after ending_grace.
Exit run_to_end(const Command& command, std::chrono::milliseconds timeout,
                const std::function<void(std::string_view)>& on_line);

/// The path of a program as found in the clean environment's PATH, or "".
std::string find_program(const std::string& name);

}  // namespace migrate
