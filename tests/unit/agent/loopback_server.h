// A program that serves on loopback, as a child of the test: started, waited for by a line that it prints, ended by
// pid.
#pragma once

#include "runner/agent/process.h"

#include <memory>
#include <string>
#include <vector>

namespace migrate {

/// A folder that goes with its content.
class LoopbackFolder {
 public:
  LoopbackFolder();
  ~LoopbackFolder();
  LoopbackFolder(const LoopbackFolder&) = delete;
  LoopbackFolder& operator=(const LoopbackFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

class LoopbackServer {
 public:
  /// Starts it and reads its standard error until a line holds `ready`; throws std::runtime_error with all that it
  /// printed when it ends or 20 s pass before.
  LoopbackServer(const std::vector<std::string>& argv, const std::string& ready);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  /// The line that held `ready`.
  const std::string& line() const { return line_; }

 private:
  void wait_for(const std::string& ready);

  std::unique_ptr<ChildProcess> child_;
  int output_ = -1;  // kept open, so that the program may go on printing
  std::string line_;
};

/// A port that nobody has now, neither over TCP nor over UDP, neither over IPv4 nor over IPv6.
int free_loopback_port();

}  // namespace migrate
