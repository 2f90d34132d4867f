// What a process inherits across fork: nothing is handed on by accident.
#pragma once

#include <csignal>
#include <vector>

namespace migrate {

/// Closes every descriptor above 2 but the `kept` ones. For a process that was just forked and has one thread.
void close_descriptors_except(std::vector<int> kept);

/// Every signal as a new program expects it, none blocked. For a process that was just forked.
void reset_signals();

/// No signal is delivered while it lives: between fork and reset_signals() our own handlers must not run in the child.
class BlockedSignals {
 public:
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t saved_;
};

}  // namespace migrate
