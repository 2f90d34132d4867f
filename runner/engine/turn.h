// What the engine wants after an event: written first, done second. The controller appends the records to the journal
// in one commit, and only then submits the jobs and asks the questions.
#pragma once

#include "runner/engine/run_state.h"
#include "runner/wire/job.h"
#include "runner/wire/record.h"

#include <optional>
#include <string>
#include <vector>

namespace migrate {

/// Something that only a person can answer. Answered by Engine::on_answer(step, choice).
struct Question {
  enum class Kind {
    begin,    // --step: shall this step begin?          yes, skip, pause
    confirm,  // checklist, approve                      yes, no
    failed,   // a step failed and on_failure is `ask`   retry, phase, start, done, pause
    unknown,  // nobody knows whether it ran             done, retry, pause
  };
  Kind kind = Kind::confirm;
  int step = 0;
  std::vector<std::string> items;  // checklist: item by item
  std::string message;
};

/// The run stops here, for now or for good; the exit code as design.md lists them.
struct Finish {
  int exit = 0;
  std::string why;
};

struct EngineTurn {
  std::vector<Record> records;
  std::vector<Job> jobs;
  std::vector<Question> questions;
  std::optional<Finish> finish;
};

}  // namespace migrate
