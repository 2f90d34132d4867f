// The two seats of a step on this machine: real systems, joined by a real pipe as the controller would do it.
#pragma once

#include "runner/agent/real_system.h"
#include "steps/action.h"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace migrate {

class TwoSeats {
 public:
  /// How a verb ended on both: "" or the failure's sentence.
  struct Result {
    std::string source, target;
    boost::json::object outputs;  // of the target's apply()
    bool ok() const { return source.empty() && target.empty(); }
  };

  /// `state_folder`: where the agents would keep things. `step` tells two steps of one run apart.
  TwoSeats(const Action& source, const Action& target, std::string state_folder, std::string step = "3.1")
      : source_(source), target_(target), state_folder_(std::move(state_folder)), step_(std::move(step)) {}

  State probe_target() { return target_.probe(*system("target")); }
  State probe_source() { return source_.probe(*system("source")); }
  State undo_target(const State& before) {
    target_.undo(*system("target"), before);
    return probe_target();
  }
  void verify_target(const State& before, const boost::json::object& outputs) {
    target_.verify(*system("target"), before, outputs);
  }

  /// apply() on both seats; the source starts when the target has announced its pipe.
  Result apply(const State& source_before, const State& target_before) {
    std::promise<PipeOffer> announced;
    auto offer = announced.get_future();
    Result result;
    auto target = std::async(std::launch::async, [&] {
      bool told = false;
      auto receiver = system("target", {}, [&](const JobMessage& message) {
        if (message.kind != JobMessage::Kind::offer) return;
        announced.set_value(message.offer);
        told = true;
      });
      result.target = failure_in([&] { result.outputs = target_.apply(*receiver, target_before); });
      if (!told) announced.set_exception(std::make_exception_ptr(Failure("no pipe was offered: " + result.target)));
    });
    result.source = failure_in([&] {
      PipeOffer there = offer.get();
      there.addresses = {"127.0.0.1"};
      source_.apply(*system("source", there), source_before);
    });
    target.get();
    return result;
  }

  /// What the seats logged, all verbs.
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::uint64_t most_progress() {
    const std::lock_guard lock(mutex_);
    return most_progress_;
  }

  std::unique_ptr<System> system(const std::string& role, std::optional<PipeOffer> offer = {},
                                 std::function<void(const JobMessage&)> heard = {}) {
    Job job;
    job.run = "7f3a";
    job.step = step_;
    job.host = role == "source" ? "old" : "new";
    job.role = role;
    job.pipe = std::move(offer);
    job.timeout = std::chrono::seconds(120);
    return make_real_system(job, state_folder_, [this, heard](const JobMessage& message) {
      note(message);
      if (heard) heard(message);
    });
  }

 private:
  template <class F>
  static std::string failure_in(const F& act) {
    try {
      act();
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }

  void note(const JobMessage& message) {
    const std::lock_guard lock(mutex_);
    if (message.kind == JobMessage::Kind::output) lines_.push_back(message.line);
    if (message.kind == JobMessage::Kind::progress) most_progress_ = std::max(most_progress_, message.done);
  }

  const Action& source_;
  const Action& target_;
  std::string state_folder_, step_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::uint64_t most_progress_ = 0;
};

}  // namespace migrate
