// The agent's event loop: one thread, one connection to a job server, the worker's side of its protocol.
#pragma once

#include "runner/agent/agent.h"
#include "runner/agent/job_table.h"
#include "runner/agent/worker_connection.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <string>

namespace migrate {

class AgentLoop {
 public:
  /// Takes over both descriptors. `options.state_folder` exists. Throws Failure when the ledger cannot be opened.
  AgentLoop(AgentOptions options, int in_fd, int out_fd, ActionFactory make);
  /// Until the connection has ended and no job runs any more. On SIGTERM the jobs are ended first.
  void run();

 private:
  void receive(const Packet& packet);
  void grab();
  void take(const std::string& handle, const std::string& payload);
  void send_message(const std::string& handle, const JobFrame& frame);
  void send_outcome(const std::string& handle, const Outcome& outcome);

  void keep_flow();
  void connection_ended(const std::string& why);
  void stop();
  void finish_if_idle();
  void leave();

  std::string name_;
  boost::asio::io_context loop_;
  WorkerConnection connection_;
  JobTable jobs_;
  boost::asio::signal_set stop_signal_;
  boost::asio::steady_timer patience_;
  bool grabbing_ = false;  // a GRAB_JOB_UNIQ is unanswered
  bool asleep_ = false;    // PRE_SLEEP was sent: a NOOP will wake us
  bool stopping_ = false;
};

}  // namespace migrate
