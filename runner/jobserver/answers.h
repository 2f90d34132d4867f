// Short ways to write packets into a Turn.
#pragma once

#include "runner/jobserver/queue.h"

namespace migrate {

inline void send(Turn& turn, const Peer& to, PacketType type, std::vector<std::string> args = {}) {
  turn.sends.push_back({to.id, Packet{Packet::Magic::response, type, std::move(args)}});
}

/// The codes are gearmand's.
inline void send_error(Turn& turn, const Peer& to, std::string code, std::string text) {
  send(turn, to, PacketType::error, {std::move(code), std::move(text)});
}

}  // namespace migrate
