#include "runner/engine/dry_run.h"

#include "runner/engine/turn_writer.h"
#include "steps/catalogue.h"

#include <algorithm>

namespace migrate {

bool DryRun::StepPreview::opaque() const {
  return std::any_of(seats.begin(), seats.end(),
                     [](const SeatPreview& seat) { return seat.change.opaque() || !seat.error.empty(); });
}

DryRun::DryRun(const Plan& plan, std::string run) : plan_(plan), run_(std::move(run)) {}

std::vector<Job> DryRun::jobs() {
  std::vector<Job> jobs;
  RunState state(plan_);
  EngineTurn turn;
  TurnWriter writer(plan_, run_, state, turn, Time{});
  for (int index = 0; index < state.size(); ++index) {
    const Step& step = plan_.steps[static_cast<std::size_t>(index)];
    const ActionSchema* schema = action_table().find(step.call.action);
    if (!schema || schema->effect == Effect::reads || schema->placement == Placement::nowhere) continue;
    for (std::size_t seat = 0; seat < step.seats.size(); ++seat) {
      jobs.push_back(writer.job(index, step.number, step.call, step.seats[seat], Verb::probe, 1));
      asked_[jobs.back().unique()] = {index, seat};
    }
  }
  open_ = jobs.size();
  return jobs;
}

void DryRun::on_outcome(const std::string& unique, const Outcome& outcome) {
  const auto asked = asked_.find(unique);
  if (asked == asked_.end()) return;
  Found& found = found_[asked->second];
  if (outcome.kind == Outcome::Kind::done) {
    found.state = state_from_json(outcome.state);
  } else {
    found.error = outcome.error;
  }
  asked_.erase(asked);
  --open_;
}

std::vector<DryRun::StepPreview> DryRun::previews() const {
  std::vector<StepPreview> previews;
  std::map<std::string, State> overlay;  // by host: what the steps so far are predicted to leave
  for (int index = 0; index < static_cast<int>(plan_.steps.size()); ++index) {
    const Step& step = plan_.steps[static_cast<std::size_t>(index)];
    StepPreview preview{.step = index, .seats = {}};
    const ActionSchema* schema = action_table().find(step.call.action);
    preview.check = schema && schema->effect == Effect::reads;
    for (std::size_t seat = 0; seat < step.seats.size(); ++seat) {
      const auto found = found_.find({index, seat});
      if (found == found_.end()) continue;
      SeatPreview at{.seat = step.seats[seat], .change = {}, .error = found->second.error};
      State& laid = overlay[at.seat.host];
      if (at.error.empty()) {
        State seen = found->second.state;
        for (auto& [resource, value] : seen) {
          if (auto over = laid.find(resource); over != laid.end()) value = over->second;
        }
        try {
          at.change = predict(step.call, at.seat.role, seen);
          laid = overlaid(std::move(laid), at.change.after);
        } catch (const std::exception& error) {
          at.error = error.what();
        }
      }
      preview.seats.push_back(std::move(at));
    }
    previews.push_back(std::move(preview));
  }
  return previews;
}

}  // namespace migrate
