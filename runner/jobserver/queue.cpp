#include "runner/jobserver/queue.h"

#include "runner/jobserver/answers.h"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <charconv>

namespace migrate {
namespace {

constexpr std::size_t longest_handle = 63;
constexpr std::size_t longest_client_id = 127;
constexpr std::size_t longest_number = 21;  // ":" and 64 bits

/// gearmand's rule: milliseconds; what is below a second counts as one; 0, less and nonsense mean none.
std::chrono::milliseconds worker_timeout(const std::string& text) {
  std::int64_t milliseconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  constexpr std::int64_t year = 365LL * 24 * 3600 * 1000;  // keeps the sum with a clock in range
  if (milliseconds <= 0) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds(std::min(std::max<std::int64_t>(milliseconds, 1000), year));
}

}  // namespace

Queue::Queue(QueueOptions options) : options_(std::move(options)) {
  options_.handle_prefix.resize(std::min(options_.handle_prefix.size(), longest_handle - longest_number));
}

Queue::~Queue() = default;

void Queue::connected(ConnectionId id, std::string address, int descriptor) {
  auto peer = std::make_unique<Peer>();
  peer->id = id;
  peer->address = std::move(address);
  peer->descriptor = descriptor;
  peers_[id] = std::move(peer);
}

Turn Queue::disconnected(ConnectionId id, QueueTime now) {
  Turn turn;
  const auto found = peers_.find(id);
  if (found == peers_.end()) return turn;
  Peer& peer = *found->second;
  detach_client(peer);
  reset_abilities(peer, now, turn);
  peers_.erase(found);
  return turn;
}

Turn Queue::handle(ConnectionId from, Packet packet, QueueTime now) {
  Turn turn;
  const auto found = peers_.find(from);
  if (found == peers_.end()) return turn;
  if (packet.magic != Packet::Magic::request)
    send_error(turn, *found->second, "INVALID_MAGIC", "a server takes packets that begin with \\0REQ");
  else
    dispatch(*found->second, packet, now, turn);
  return turn;
}

void Queue::dispatch(Peer& peer, Packet& packet, QueueTime now, Turn& turn) {
  std::vector<std::string>& args = packet.args;
  switch (packet.type) {
    case PacketType::submit_job:
    case PacketType::submit_job_bg:
    case PacketType::submit_job_high:
    case PacketType::submit_job_high_bg:
    case PacketType::submit_job_low:
    case PacketType::submit_job_low_bg:
    case PacketType::submit_reduce_job:
    case PacketType::submit_reduce_job_background:
      return submit(peer, packet, now, turn);
    case PacketType::get_status:
      return tell_status(peer, args[0], turn);
    case PacketType::get_status_unique:
      return tell_status_by_unique(peer, args[0], turn);
    case PacketType::can_do:
      return can_do(peer, args[0], std::chrono::milliseconds(0), now, turn);
    case PacketType::can_do_timeout:
      return can_do(peer, args[0], worker_timeout(args[1]), now, turn);
    case PacketType::cant_do:
      return cant_do(peer, args[0], now, turn);
    case PacketType::reset_abilities:
      return reset_abilities(peer, now, turn);
    case PacketType::pre_sleep:
      return pre_sleep(peer, now, turn);
    case PacketType::grab_job:
    case PacketType::grab_job_uniq:
    case PacketType::grab_job_all:
      return grab(peer, packet.type, now, turn);
    case PacketType::work_status:
    case PacketType::work_data:
    case PacketType::work_warning:
    case PacketType::work_complete:
    case PacketType::work_fail:
    case PacketType::work_exception:
      return work(peer, packet, turn);
    case PacketType::echo_req:
      return send(turn, peer, PacketType::echo_res, std::move(args));
    case PacketType::option_req:
      return set_option(peer, args[0], turn);
    case PacketType::set_client_id:
      peer.client_id = args[0].empty() ? "-" : args[0].substr(0, longest_client_id);
      return;
    default:
      return send_error(turn, peer, "INVALID_COMMAND",
                        fmt::format("this server does not take {} packets", to_text(packet.type)));
  }
}

void Queue::set_option(Peer& peer, const std::string& name, Turn& turn) {
  if (!boost::algorithm::iequals(name, "exceptions"))
    return send_error(turn, peer, "UNKNOWN_OPTION", "this server does not know that option");
  peer.wants_exceptions = true;
  send(turn, peer, PacketType::option_res, {name});
}

Function& Queue::function_named(std::string_view name) {
  auto found = functions_.find(name);
  if (found == functions_.end()) {
    found = functions_.emplace(name, std::make_unique<Function>()).first;
    found->second->name = name;
  }
  return *found->second;
}

Queue::Dropped Queue::drop_function(std::string_view name) {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return Dropped::unknown;
  if (found->second->workers > 0 || found->second->job_count() > 0) return Dropped::in_use;
  functions_.erase(found);
  return Dropped::yes;
}

void Queue::set_most_jobs(std::string_view function, const std::array<std::size_t, priority_count>& most) {
  const auto found = functions_.find(function);
  if (found != functions_.end()) found->second->most_jobs = most;
}

bool Queue::cancel(std::string_view handle, Turn& turn) {
  QueuedJob* job = find_job(handle);
  if (!job) return false;
  turn.log.push_back(fmt::format("job {} of {} was cancelled", job->handle, job->function->name));
  fail_job(*job, turn);
  return true;
}

std::optional<QueueTime> Queue::next_deadline() const {
  std::optional<QueueTime> next;
  if (!woken_.empty()) next = woken_.begin()->first;
  if (!deadlines_.empty() && (!next || deadlines_.begin()->first < *next)) next = deadlines_.begin()->first;
  return next;
}

Turn Queue::on_tick(QueueTime now) {
  Turn turn;
  while (!woken_.empty() && woken_.begin()->first <= now) {
    Peer& peer = *woken_.begin()->second;
    turn.log.push_back(fmt::format("worker {} does not answer its wake-up", peer.client_id));
    set_rest(peer, Peer::Rest::overdue);
    for (const Peer::Ability& ability : peer.abilities) wake_for(*ability.function, now, turn);
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    lose_try(*deadlines_.begin()->second, "ran out of its time", now, turn);
  return turn;
}

}  // namespace migrate
