// One job while it runs in this agent: its process, its frames, its time-out, its end. Callbacks come from the agent's
// event loop.
#pragma once

#include "runner/agent/job_process.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace migrate {

class RunningJob : public std::enable_shared_from_this<RunningJob> {
 public:
  struct Events {
    std::function<void(RunningJob&, const JobFrame&)> message;  // output, offer, progress
    std::function<void(RunningJob&, Outcome)> ended;            // once, last
    std::function<void()> busy;                                 // it starts programs: this process will not serve again
  };

  /// Takes over `process`. Nothing happens before go().
  RunningJob(boost::asio::io_context& loop, Job job, JobProcess process, Events events);

  /// Lets the process begin; its time-out counts from here.
  void go();
  /// It has not begun and shall not: no event comes any more.
  void discard();
  /// Ends the process and all that it started (TERM, then KILL); `outcome` is reported unless it ends by itself before.
  void end_with(Outcome outcome);

  /// While paused its frames are not read, and so it waits when it has more to say.
  void pause(bool paused);

  /// The process, if it waits for another job after this one's end. Once.
  std::optional<JobProcess> take_ready_process() { return std::exchange(ready_, std::nullopt); }

  const Job& job() const { return job_; }
  const ProcessIdentity& process() const { return process_.identity; }
  /// The last offer of a pipe that it made, for who attaches later.
  const std::optional<JobFrame>& offer() const { return offer_; }

 private:
  void read_more();
  void take_frames();
  void time_out();
  void look_whether_tree_ended();
  void kill_tree();
  void report_if_it_lingers();
  void process_is_gone();
  void report(Outcome outcome);

  Job job_;
  JobProcess process_;
  Events events_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point begun_, kill_at_;
  JobFrameReader reader_;
  std::array<char, 65536> buffer_;
  std::optional<JobFrame> offer_;
  std::optional<Outcome> ending_;  // why we end it
  std::optional<JobProcess> ready_;
  bool reported_ = false;
  bool paused_ = false;
  bool reading_ = false;
};

/// "1 h 2 min", "90 s", "250 ms": for sentences.
std::string in_words(std::chrono::milliseconds duration);

}  // namespace migrate
