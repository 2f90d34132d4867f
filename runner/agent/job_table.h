// The jobs that an agent has in hand, by unique id: new ones are begun, ones that run are attached to, ones that the
// ledger knows are answered from it. What changes something is in the ledger before it begins and before its outcome is
// told; all ledger writes of one turn of the event loop share one commit.
#pragma once

#include "runner/agent/carry_out.h"
#include "runner/agent/ledger.h"
#include "runner/agent/running_job.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace migrate {

class JobTable {
 public:
  struct Events {
    std::function<void(const std::string& handle, const JobFrame&)> message;
    std::function<void(const std::string& handle, const Outcome&)> outcome;
    std::function<void()> fewer;  // a job is done with: there may be room for another, or nothing left
  };

  /// Throws Failure when the ledger in `state_folder` cannot be opened.
  JobTable(boost::asio::io_context& loop, std::string state_folder, ActionFactory make, Events events);
  ~JobTable();
  JobTable(const JobTable&) = delete;
  JobTable& operator=(const JobTable&) = delete;

  /// `handle` is the job server's name for this offer; each handle gets one outcome. Throws when the job could not be
  /// begun; nothing was done then.
  void take(const std::string& handle, Job job);
  /// While paused, jobs that have something to say wait.
  void pause(bool paused);
  /// Ends all jobs and their programs; each reports `outcome` unless it ends by itself before.
  void end_all(const Outcome& outcome);
  /// Forgets the offers that only wait for what runs under another agent.
  void forget_waiting();

  std::size_t size() const { return jobs_.size(); }
  /// No job, and nothing that waits for the commit.
  bool is_idle() const { return jobs_.empty() && due_.empty(); }

 private:
  struct Entry {
    std::shared_ptr<RunningJob> job;   // null: it runs under another agent, whose outcome we wait for
    std::vector<std::string> handles;  // several when it was offered again
    std::unique_ptr<boost::asio::steady_timer> look_again;
  };
  struct Due {
    std::function<void()> committed;
    std::function<void(const std::string& why)> not_committed;
  };

  void attach(Entry& entry, const std::string& handle);
  bool is_in_ledger(const std::string& unique) const;
  void begin(const std::string& handle, Job job);
  JobProcess take_process();
  void make_spare();
  void keep_or_end(const JobProcess& process);
  bool enter_in_ledger(const std::string& unique, RunningJob& running);
  void wait_for_other_agent(const std::string& unique);
  void look_in_ledger(const std::string& unique);
  void forward(const std::string& unique, const JobFrame& frame);
  void job_ended(const std::string& unique, const Job& job, const Outcome& outcome);
  void answer(const std::string& unique, const Outcome& outcome);
  void commit_soon(Due due);
  void commit();

  boost::asio::io_context& loop_;
  std::string state_folder_;
  ActionFactory make_;
  Events events_;
  Ledger ledger_;
  ProcessIdentity self_;
  std::map<std::string, Entry> jobs_;
  std::vector<Due> due_;  // for the commit at the end of this turn
  bool paused_ = false;
  std::optional<JobProcess>
      spare_;  // forked ahead, or left by the last job: so that a job need not wait for its process
};

}  // namespace migrate
