// The one exception of this room: what nobody here can decide on, with its facts. Caught at the rim of a job.
#pragma once

#include <stdexcept>
#include <string>

namespace migrate {

/// `what()` is one or more sentences for the operator: what was tried, on what, the system's or tool's own words.
/// It never holds a secret's value.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  Failure(const std::string& text, std::string command, int exit_code)
      : std::runtime_error(text), command_(std::move(command)), exit_code_(exit_code) {}

  /// The command as it was run, or "".
  const std::string& command() const { return command_; }
  int exit_code() const { return exit_code_; }

 private:
  std::string command_;
  int exit_code_ = 0;
};

}  // namespace migrate
