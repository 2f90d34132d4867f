// What clients may ask of the queue: submit jobs, and know how they are.
#include "runner/jobserver/answers.h"
#include "runner/jobserver/queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace migrate {
namespace {

constexpr std::size_t longest_unique = 63;

Priority priority_of(PacketType type) {
  switch (type) {
    case PacketType::submit_job_high:
    case PacketType::submit_job_high_bg:
      return Priority::high;
    case PacketType::submit_job_low:
    case PacketType::submit_job_low_bg:
      return Priority::low;
    default:
      return Priority::normal;
  }
}

bool is_background(PacketType type) {
  return type == PacketType::submit_job_bg || type == PacketType::submit_job_high_bg ||
         type == PacketType::submit_job_low_bg || type == PacketType::submit_reduce_job_background;
}

std::string flag(bool value) { return value ? "1" : "0"; }

}  // namespace

struct Queue::Submission {
  Function* function = nullptr;
  std::string unique, reducer, data;
  Priority priority = Priority::normal;
  bool background = false;
};

void Queue::submit(Peer& peer, Packet& packet, QueueTime now, Turn& turn) {
  if (packet.args[0].size() > options_.longest_function_name)
    return send_error(turn, peer, "ARGUMENT_TOO_LARGE", "the function's name is too long");
  if (packet.args[1].size() > longest_unique)
    return send_error(turn, peer, "ARGUMENT_TOO_LARGE",
                      fmt::format("a unique id is {} bytes long at most", longest_unique));
  Submission submission;
  submission.function = &function_named(packet.args[0]);
  submission.unique = std::move(packet.args[1]);
  if (packet.args.size() == 5) submission.reducer = std::move(packet.args[2]);
  submission.data = std::move(packet.args.back());
  submission.priority = priority_of(packet.type);
  submission.background = is_background(packet.type);

  QueuedJob* job = twin_of(submission);
  const bool is_new = job == nullptr;
  if (is_new) {
    const std::size_t most = submission.function->most_jobs[static_cast<std::size_t>(submission.priority)];
    if (most > 0 && submission.function->job_count() >= most)
      return send_error(turn, peer, "QUEUE_ERROR", "Job queue is full");
    job = &create_job(submission);
  }
  if (submission.background)
    job->background = true;
  else if (peer.awaited.insert(job).second)
    job->clients.push_back(&peer);
  send(turn, peer, PacketType::job_created, {job->handle});
  if (is_new) wake_for(*job->function, now, turn);
}

/// The job that a submission joins: of the same function and unique id ("-": of the same payload).
QueuedJob* Queue::twin_of(const Submission& submission) {
  if (submission.unique.empty() || (submission.unique == "-" && submission.data.empty())) return nullptr;
  const bool by_payload = submission.unique == "-";
  const auto& index = by_payload ? submission.function->by_payload : submission.function->by_unique;
  const auto found = index.find(by_payload ? submission.data : submission.unique);
  return found == index.end() ? nullptr : found->second;
}

QueuedJob& Queue::create_job(Submission& submission) {
  auto owned = std::make_unique<QueuedJob>();
  QueuedJob& job = *owned;
  job.number = ++last_number_;
  job.handle = fmt::format("{}:{}", options_.handle_prefix, job.number);
  job.function = submission.function;
  job.unique = std::move(submission.unique);
  job.reducer = std::move(submission.reducer);
  job.data = std::move(submission.data);
  job.priority = submission.priority;
  job.background = submission.background;
  jobs_.emplace_hint(jobs_.end(), job.number, std::move(owned));
  auto& line = job.function->waiting[static_cast<std::size_t>(job.priority)];
  job.place = line.insert(line.end(), &job);
  if (job.unique == "-") {
    if (!job.data.empty()) job.function->by_payload[job.data] = &job;
  } else if (!job.unique.empty()) {
    job.function->by_unique[job.unique] = &job;
  }
  return job;
}

QueuedJob* Queue::find_job(std::string_view handle) {
  const std::size_t colon = handle.rfind(':');
  if (colon == std::string_view::npos || handle.substr(0, colon) != options_.handle_prefix) return nullptr;
  const std::string_view digits = handle.substr(colon + 1);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const auto found = jobs_.find(number);
  return found != jobs_.end() && found->second->handle == handle ? found->second.get() : nullptr;
}

void Queue::tell_status(Peer& peer, const std::string& handle, Turn& turn) {
  const QueuedJob* job = find_job(handle);
  send(turn, peer, PacketType::status_res,
       {handle, flag(job != nullptr), flag(job && job->running()), fmt::to_string(job ? job->done : 0),
        fmt::to_string(job ? job->total : 0)});
}

void Queue::tell_status_by_unique(Peer& peer, const std::string& unique, Turn& turn) {
  const QueuedJob* job = nullptr;
  for (const auto& [name, function] : functions_) {
    const auto found = function->by_unique.find(unique);
    if (found == function->by_unique.end()) continue;
    job = found->second;
    break;
  }
  send(turn, peer, PacketType::status_res_unique,
       {unique, flag(job != nullptr), flag(job && job->running()), fmt::to_string(job ? job->done : 0),
        fmt::to_string(job ? job->total : 0), fmt::to_string(job ? job->clients.size() : 0)});
}

/// Nobody waits for a foreground job any more: it is not begun. One that runs comes to its end.
void Queue::detach_client(Peer& peer) {
  for (QueuedJob* job : peer.awaited) {
    std::erase(job->clients, &peer);
    if (job->clients.empty() && !job->background && !job->running()) remove_job(*job);
  }
  peer.awaited.clear();
}

/// The job is gone from every list. Its clients have been told, or are about to be forgotten themselves.
void Queue::remove_job(QueuedJob& job) {
  Function& function = *job.function;
  if (job.running())
    stop_running(job);
  else
    function.waiting[static_cast<std::size_t>(job.priority)].erase(job.place);
  for (Peer* client : job.clients) client->awaited.erase(&job);
  if (job.unique == "-") {
    if (!job.data.empty()) function.by_payload.erase(job.data);
  } else if (!job.unique.empty()) {
    function.by_unique.erase(job.unique);
  }
  jobs_.erase(job.number);
}

}  // namespace migrate
