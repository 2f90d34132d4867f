// The dry run: every step is probed (read-only), and planned with what earlier steps were predicted to leave laid over
// what was found. Pure; the jobs are the same probes that a run sends.
#pragma once

#include "plans/plan.h"
#include "runner/wire/job.h"
#include "steps/change.h"

#include <map>
#include <string>
#include <vector>

namespace migrate {

class DryRun {
 public:
  struct SeatPreview {
    Seat seat;
    Change change;
    std::string error;  // why it cannot be predicted; "" otherwise
  };
  struct StepPreview {
    int step = 0;
    std::vector<SeatPreview> seats;  // empty for what the engine itself does, and for checks
    bool check = false;              // only looks
    bool opaque() const;
  };

  DryRun(const Plan& plan, std::string run);

  /// The probes of all steps: independent of each other, so all at once.
  std::vector<Job> jobs();
  void on_outcome(const std::string& unique, const Outcome& outcome);
  bool complete() const { return open_ == 0; }
  /// In document order; only once complete().
  std::vector<StepPreview> previews() const;

 private:
  struct Found {
    State state;
    std::string error;
  };
  const Plan& plan_;
  std::string run_;
  std::map<std::string, std::pair<int, std::size_t>> asked_;  // unique -> step, seat
  std::map<std::pair<int, std::size_t>, Found> found_;
  std::size_t open_ = 0;
};

}  // namespace migrate
