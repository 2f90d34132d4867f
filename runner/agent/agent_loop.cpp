#include "runner/agent/agent_loop.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <utility>

namespace migrate {
namespace {

constexpr std::size_t most_jobs_at_once = 32;
constexpr std::size_t too_much_unsent = 4u << 20;
/// After SIGTERM, for a job server that does not read.
constexpr std::chrono::milliseconds longest_farewell{5000};

Outcome ended_as(Outcome::Kind kind, std::string error) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.error = std::move(error);
  return outcome;
}

}  // namespace

AgentLoop::AgentLoop(AgentOptions options, int in_fd, int out_fd, ActionFactory make)
    : name_(std::move(options.name)),
      loop_(1),
      connection_(loop_, in_fd, out_fd,
                  {[this](const Packet& packet) { receive(packet); },
                   [this](const std::string& why) { connection_ended(why); }, [this] { keep_flow(); }}),
      jobs_(loop_, std::move(options.state_folder), std::move(make),
            {[this](const std::string& handle, const JobFrame& frame) { send_message(handle, frame); },
             [this](const std::string& handle, const Outcome& outcome) { send_outcome(handle, outcome); },
             [this] {
               grab();
               finish_if_idle();
             }}),
      stop_signal_(loop_, SIGTERM),
      patience_(loop_) {}

void AgentLoop::run() {
  stop_signal_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  connection_.send("migrate-agent 1\n");
  connection_.send(encode_request(PacketType::set_client_id, {name_}));
  connection_.send(encode_request(PacketType::can_do, {"migrate@" + name_}));
  grab();
  connection_.start();
  loop_.run();
}

void AgentLoop::receive(const Packet& packet) {
  switch (packet.type) {
    case PacketType::noop:
      asleep_ = false;
      return grab();
    case PacketType::no_job:
      grabbing_ = false;
      asleep_ = true;
      return connection_.send(encode_request(PacketType::pre_sleep));
    case PacketType::job_assign_uniq:
      grabbing_ = false;
      take(packet.args[0], packet.data());
      return grab();
    case PacketType::echo_req:  // "are you there?" of our own job server
      return connection_.send(encode_request(PacketType::echo_res, {packet.data()}));
    case PacketType::error:
      fmt::print(stderr, "migrate agent: the job server says {}: {}\n", packet.args[0], packet.data());
      return;
    default:
      return;
  }
}

/// One job per GRAB_JOB_UNIQ, one at a time, until there is none or we have enough.
void AgentLoop::grab() {
  if (grabbing_ || asleep_ || stopping_ || jobs_.size() >= most_jobs_at_once) return;
  grabbing_ = true;
  connection_.send(encode_request(PacketType::grab_job_uniq));
}

void AgentLoop::take(const std::string& handle, const std::string& payload) {
  try {
    Job job = job_from_payload(payload);
    if (job.host != name_) {
      return send_outcome(
          handle, ended_as(Outcome::Kind::refused, "The job is for " + job.host + ", but this is the agent of " +
                                                       name_ + ". Nothing was done."));
    }
    jobs_.take(handle, std::move(job));
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    send_outcome(handle,
                 ended_as(Outcome::Kind::refused, "The agent cannot take this job: " + reason + " Nothing was done."));
  }
}

void AgentLoop::send_message(const std::string& handle, const JobFrame& frame) {
  connection_.send(encode_request(PacketType::work_data, {handle, frame.payload}));
  if (frame.kind == JobFrame::Kind::progress) {
    const JobMessage message = message_from_payload(frame.payload);
    connection_.send(
        encode_request(PacketType::work_status, {handle, std::to_string(message.done), std::to_string(message.total)}));
  }
  keep_flow();
}

/// WORK_EXCEPTION ends a job for a job server: nothing may follow it.
void AgentLoop::send_outcome(const std::string& handle, const Outcome& outcome) {
  const bool done = outcome.kind == Outcome::Kind::done;
  const auto type = done ? PacketType::work_complete : PacketType::work_exception;
  connection_.send(encode_request(type, {handle, to_payload(outcome)}));
}

/// A controller that reads slowly makes jobs wait, not the agent grow.
void AgentLoop::keep_flow() {
  jobs_.pause(connection_.unsent() > too_much_unsent);
  finish_if_idle();
}

void AgentLoop::connection_ended(const std::string& why) {
  if (!why.empty()) fmt::print(stderr, "migrate agent: the connection ended: {}\n", why);
  stopping_ = true;
  jobs_.forget_waiting();
  keep_flow();
}

void AgentLoop::stop() {
  stopping_ = true;
  jobs_.forget_waiting();
  jobs_.end_all(ended_as(Outcome::Kind::interrupted,
                         "The agent was told to stop (SIGTERM) and ended the job. Part of it may have happened."));
  finish_if_idle();
}

void AgentLoop::finish_if_idle() {
  if (!stopping_ || !jobs_.is_idle()) return;
  if (connection_.unsent() > 0) {
    patience_.expires_after(longest_farewell);
    patience_.async_wait([this](const boost::system::error_code& error) {
      if (!error) leave();
    });
    return;
  }
  leave();
}

void AgentLoop::leave() {
  connection_.close();
  patience_.cancel();
  boost::system::error_code ignored;
  stop_signal_.cancel(ignored);
}

}  // namespace migrate
