// The process of one job: forked from the agent without exec, in a session of its own, ended by the kernel when the
// agent is. It talks over one socket: the job to begin goes in; frames come out, the outcome last.
#pragma once

#include "runner/agent/carry_out.h"
#include "runner/agent/process_tree.h"

#include <optional>
#include <string>

namespace migrate {

/// One message from a job's process to its agent: kind (1 byte), length (4 bytes, this machine's order), payload.
struct JobFrame {
  enum class Kind : char {
    output = 'o',
    offer = 'p',
    progress = 's',
    busy = 'b',              // it starts a program: time to make the next job's process
    outcome = 'e',           // and the process ends
    outcome_and_ready = 'r'  // and the process waits for another job
  };
  Kind kind = Kind::output;
  std::string payload;  // a JobMessage or, for Kind::outcome, an Outcome; as it goes on the wire
};

/// Takes bytes as they arrive and gives frames.
class JobFrameReader {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  std::optional<JobFrame> next();

 private:
  std::string buffer_;
  std::size_t at_ = 0;
};

struct JobProcess {
  ProcessIdentity identity;  // its pid is the session of all that it starts
  int fd = -1;               // our end of the socket: the caller closes it
};

/// What lets the process begin: length (4 bytes, this machine's order) and the job's payload. Closing the socket
/// instead makes it exit with nothing done.
std::string go_message(const Job& job);

/// A process that waits for its job. Throws Failure when none can be made. The agent must have one thread.
JobProcess fork_job_process(const std::string& state_folder, const ActionFactory& make);

}  // namespace migrate
