// The job server of one run and the agents of its hosts: brought up together, spoken to as one. Lives on the
// controller's loop; nothing here knows what a step is.
#pragma once

#include "plans/plan.h"
#include "runner/wire/job.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace migrate {

struct FleetOptions {
  std::string state_folder;  // the controller's: bundle cache, the local agent's ledger
};

class Fleet {
 public:
  struct Callbacks {
    /// All hosts have answered; `failures` has a sentence for each that could not be brought up. Jobs for those fail.
    std::function<void(std::map<std::string, std::string> failures)> up;
    std::function<void(const std::string& host, const std::string& what)> progress;
    std::function<void(const Job&, const JobMessage&)> message;
    std::function<void(const Job&, const Outcome&)> outcome;
    /// An agent that was up is gone. Its running jobs' outcomes (`lost`) follow by themselves.
    std::function<void(const std::string& host, const std::string& why)> lost;
  };

  Fleet(boost::asio::io_context& loop, const Plan& plan, FleetOptions options, Callbacks callbacks);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void bring_up(const std::set<std::string>& hosts);
  /// Puts the secrets' values in and submits. The outcome arrives by callback, exactly once, never from within this
  /// call.
  void submit(Job job);

 private:
  struct Machinery;
  std::unique_ptr<Machinery> machinery_;
};

/// The hosts that a plan's steps, checks and undos need.
std::set<std::string> hosts_of(const Plan& plan);

}  // namespace migrate
