// Who sleeps and who is woken. For each function: as many are woken as jobs wait, and no more; whoever was woken counts
// until it asks for a job, goes, or has let our patience pass.
#include "runner/jobserver/answers.h"
#include "runner/jobserver/queue.h"

namespace migrate {

void Queue::set_rest(Peer& peer, Peer::Rest rest) {
  if (peer.rest == Peer::Rest::asleep)
    for (const Peer::Ability& ability : peer.abilities) ability.function->sleepers.erase(peer.sleep_number);
  if (peer.rest == Peer::Rest::woken) {
    for (const Peer::Ability& ability : peer.abilities) --ability.function->woken;
    woken_.erase({peer.patience_ends, &peer});
  }
  peer.rest = rest;
  if (rest == Peer::Rest::asleep) {
    peer.sleep_number = ++last_sleep_;
    for (const Peer::Ability& ability : peer.abilities) ability.function->sleepers[peer.sleep_number] = &peer;
  }
  if (rest == Peer::Rest::woken) {
    for (const Peer::Ability& ability : peer.abilities) ++ability.function->woken;
    woken_.emplace(peer.patience_ends, &peer);
  }
}

/// A job may have come between this worker's NO_JOB and its PRE_SLEEP: then it is woken at once.
void Queue::pre_sleep(Peer& peer, QueueTime now, Turn& turn) {
  set_rest(peer, Peer::Rest::asleep);
  for (const Peer::Ability& ability : peer.abilities) {
    if (ability.function->waiting_count() == 0) continue;
    peer.patience_ends = now + options_.wake_patience;
    set_rest(peer, Peer::Rest::woken);
    return send(turn, peer, PacketType::noop);
  }
}

/// The one that fell asleep last goes first: it was alive most recently.
void Queue::wake_for(Function& function, QueueTime now, Turn& turn) {
  const std::size_t waiting = function.waiting_count();
  while (function.woken < waiting && !function.sleepers.empty()) {
    Peer& peer = *function.sleepers.rbegin()->second;
    peer.patience_ends = now + options_.wake_patience;
    set_rest(peer, Peer::Rest::woken);
    send(turn, peer, PacketType::noop);
  }
}

void Queue::wake_for_all(const std::vector<Function*>& functions, QueueTime now, Turn& turn) {
  for (Function* function : functions) wake_for(*function, now, turn);
}

}  // namespace migrate
