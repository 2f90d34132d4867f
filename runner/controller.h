// Where the rooms meet: carries one run (or one dry run) from its plan to its end. One thread, one loop; every event
// goes to the engine, and what the engine answers is written to the journal before anything of it is done.
#pragma once

#include "plans/plan.h"
#include "runner/engine/engine.h"
#include "runner/journal/journal.h"
#include "runner/report/report.h"

#include <functional>
#include <string>
#include <vector>

namespace migrate {

struct ControllerOptions {
  std::string state_folder;
  bool step_by_step = false;
};

/// Answers a question now, or later by calling `answer` from the same loop. An empty function: nobody can be asked.
using Ask = std::function<void(const Question&, const Plan&, const RunState&, std::function<void(std::string)> answer)>;

class Controller {
 public:
  Controller(const Plan& plan, const std::string& run, Journal& journal, Report& report, Ask ask,
             ControllerOptions options);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// These run the loop until the run has ended or paused, and return the exit code.
  int go_forward();
  /// Hosts that cannot be reached don't stop it: what is due there stays owed.
  int roll_back(const std::vector<int>& steps, int from, const std::string& why);

 private:
  struct Loop;
  std::unique_ptr<Loop> loop_;
};

/// Probes every step and shows what would happen; changes nothing and journals nothing. Returns the exit code.
int dry_run(const Plan& plan, Report& report, const ControllerOptions& options);

/// user@machine, for the journal.
std::string operator_name();

}  // namespace migrate
