// What workers tell the queue: what they can do, that they are free, and how their jobs go.
#include "runner/jobserver/answers.h"
#include "runner/jobserver/queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace migrate {
namespace {

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool ends_job(PacketType type) {
  return type == PacketType::work_complete || type == PacketType::work_fail || type == PacketType::work_exception;
}

}  // namespace

void Queue::can_do(Peer& peer, const std::string& function, std::chrono::milliseconds timeout, QueueTime now,
                   Turn& turn) {
  if (function.size() > options_.longest_function_name)
    return send_error(turn, peer, "ARGUMENT_TOO_LARGE", "the function's name is too long");
  for (Peer::Ability& ability : peer.abilities) {
    if (ability.function->name != function) continue;
    ability.timeout = timeout;
    return;
  }
  Function& known = function_named(function);
  ++known.workers;
  if (peer.rest == Peer::Rest::asleep) known.sleepers[peer.sleep_number] = &peer;
  if (peer.rest == Peer::Rest::woken) ++known.woken;
  peer.abilities.push_back({&known, timeout});
  wake_for(known, now, turn);
}

void Queue::cant_do(Peer& peer, std::string_view function, QueueTime now, Turn& turn) {
  const auto found = std::find_if(peer.abilities.begin(), peer.abilities.end(),
                                  [&](const Peer::Ability& ability) { return ability.function->name == function; });
  if (found == peer.abilities.end()) return;
  Function& known = *found->function;
  --known.workers;
  known.sleepers.erase(peer.sleep_number);
  if (peer.rest == Peer::Rest::woken) --known.woken;
  peer.abilities.erase(found);
  peer.next_ability = 0;
  wake_for(known, now, turn);
}

/// Also what happens when a worker goes: its jobs go back, and others are woken for what it was woken for.
void Queue::reset_abilities(Peer& peer, QueueTime now, Turn& turn) {
  std::vector<Function*> left;
  left.reserve(peer.abilities.size());
  for (const Peer::Ability& ability : peer.abilities) left.push_back(ability.function);
  const Peer::Rest rest = peer.rest;
  set_rest(peer, Peer::Rest::awake);
  for (Function* function : left) --function->workers;
  peer.abilities.clear();
  // Asleep it still waits for a NOOP, for what it says next that it can do; woken it has one to answer.
  if (rest != Peer::Rest::awake) set_rest(peer, rest == Peer::Rest::asleep ? rest : Peer::Rest::overdue);
  peer.next_ability = 0;
  while (!peer.running.empty()) lose_try(**peer.running.begin(), "lost its worker", now, turn);
  wake_for_all(left, now, turn);
}

void Queue::grab(Peer& peer, PacketType how, QueueTime now, Turn& turn) {
  const bool was_woken = peer.rest == Peer::Rest::woken;
  set_rest(peer, Peer::Rest::awake);
  std::chrono::milliseconds timeout{0};
  QueuedJob* job = next_job_for(peer, timeout);
  if (!job) {
    send(turn, peer, PacketType::no_job);
  } else {
    if (timeout.count() > 0) {
      job->deadline = now + timeout;
      deadlines_.emplace(*job->deadline, job);
    }
    assign(peer, *job, how, turn);
  }
  // It was counted on for each function that it can do, and took a job of one.
  if (was_woken && peer.abilities.size() > 1)
    for (const Peer::Ability& ability : peer.abilities) wake_for(*ability.function, now, turn);
}

/// The highest priority over all functions goes first; among equals the functions take turns.
QueuedJob* Queue::next_job_for(Peer& peer, std::chrono::milliseconds& timeout) {
  const std::size_t count = peer.abilities.size();
  for (std::size_t priority = 0; priority < priority_count; ++priority) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = (peer.next_ability + i) % count;
      auto& line = peer.abilities[at].function->waiting[priority];
      if (line.empty()) continue;
      peer.next_ability = (at + 1) % count;
      timeout = peer.abilities[at].timeout;
      QueuedJob* job = line.front();
      line.pop_front();
      return job;
    }
  }
  return nullptr;
}

void Queue::assign(Peer& peer, QueuedJob& job, PacketType how, Turn& turn) {
  job.worker = &peer;
  ++job.tries;
  ++job.function->running;
  peer.running.insert(&job);
  if (how == PacketType::grab_job)
    send(turn, peer, PacketType::job_assign, {job.handle, job.function->name, job.data});
  else if (how == PacketType::grab_job_all && !job.reducer.empty())
    send(turn, peer, PacketType::job_assign_all, {job.handle, job.function->name, job.unique, job.reducer, job.data});
  else
    send(turn, peer, PacketType::job_assign_uniq, {job.handle, job.function->name, job.unique, job.data});
}

void Queue::work(Peer& peer, Packet& packet, Turn& turn) {
  QueuedJob* job = find_job(packet.args[0]);
  if (!job || job->worker != &peer) return send_error(turn, peer, "JOB_NOT_FOUND", "this connection has no such job");
  if (packet.type == PacketType::work_status) {
    job->done = number_of(packet.args[1]);
    job->total = number_of(packet.args[2]);
  }
  forward(*job, packet, turn);
  if (ends_job(packet.type)) remove_job(*job);
}

void Queue::forward(const QueuedJob& job, Packet& packet, Turn& turn) {
  for (const Peer* client : job.clients) {
    if (packet.type == PacketType::work_exception && !client->wants_exceptions)
      send(turn, *client, PacketType::work_fail, {job.handle});
    else if (client == job.clients.back())
      send(turn, *client, packet.type, std::move(packet.args));
    else
      send(turn, *client, packet.type, packet.args);
  }
}

void Queue::stop_running(QueuedJob& job) {
  if (job.deadline) deadlines_.erase({*job.deadline, &job});
  job.deadline.reset();
  job.worker->running.erase(&job);
  job.worker = nullptr;
  --job.function->running;
}

/// The job's try is over without a result. It goes to the end of the line while tries remain, else it fails.
void Queue::lose_try(QueuedJob& job, std::string_view why, QueueTime now, Turn& turn) {
  const bool wanted = job.background || !job.clients.empty();
  const bool again = wanted && job.tries < options_.tries;
  turn.log.push_back(fmt::format("job {} of {} {} (worker {}, try {} of {}): {}", job.handle, job.function->name, why,
                                 job.worker->client_id, job.tries, options_.tries,
                                 again ? "it is queued again" : "it has failed"));
  if (!again) return fail_job(job, turn);
  stop_running(job);
  job.done = job.total = 0;
  auto& line = job.function->waiting[static_cast<std::size_t>(job.priority)];
  job.place = line.insert(line.end(), &job);
  wake_for(*job.function, now, turn);
}

void Queue::fail_job(QueuedJob& job, Turn& turn) {
  for (const Peer* client : job.clients) send(turn, *client, PacketType::work_fail, {job.handle});
  remove_job(job);
}

}  // namespace migrate
