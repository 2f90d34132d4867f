#include "steps/dns_move.h"

#include <fmt/format.h>

#include <map>

namespace migrate {

namespace {

constexpr std::chrono::milliseconds pause{200};
constexpr int times_asked = 50;  // 10 s: a server answers with an update that it took at once, some write it out first

const boost::json::value& state_of(const State& state, const DnsName& name) {
  auto found = state.find(name.resource());
  if (found == state.end()) throw Failure(fmt::format("The recorded state lacks {}.", name.resource()));
  return found->second;
}

/// "" or what somebody else made of it.
std::string interference(const DnsName& name, const State& now, const State& from, const State& to) {
  const boost::json::value& found = state_of(now, name);
  if (found == state_of(from, name) || found == state_of(to, name)) return "";
  return fmt::format("\n  {}.  {}\n    as recorded before  {}\n    wanted              {}\n    found now           {}",
                     name.name, name.type, shown(record_set_from(state_of(from, name))),
                     shown(record_set_from(state_of(to, name))), shown(record_set_from(found)));
}

void require_no_interference(const std::string& server, const std::vector<DnsName>& names, const State& now,
                             const State& from, const State& to) {
  std::string found;
  for (const DnsName& name : names) found += interference(name, now, from, to);
  if (found.empty()) return;
  throw Failure(
      fmt::format("Records on the DNS server {} were changed by someone else, so they are left alone.{}\nPut them to "
                  "one of the first two states, or change the plan.",
                  server, found));
}

std::map<std::string, DnsUpdate> updates_by_zone(System& system, const std::string& server,
                                                 const std::vector<DnsName>& names, const State& now, const State& to) {
  std::map<std::string, DnsUpdate> updates;
  for (const DnsName& name : names) {
    if (state_of(now, name) == state_of(to, name)) continue;
    std::string zone = system.dns_zone(server, name.name);
    updates[zone].zone = zone;
    updates[zone].entries.push_back(
        {name.name, name.type, record_set_from(state_of(now, name)), record_set_from(state_of(to, name))});
  }
  return updates;
}

void wait_until_served(System& system, const std::string& server, const std::vector<DnsName>& names, const State& to) {
  for (int asked = 1;; ++asked) {
    State now = read_record_sets(system, server, names);
    std::string behind;
    for (const DnsName& name : names) {
      if (now.at(name.resource()) == state_of(to, name)) continue;
      behind += fmt::format("\n  {}.  {}  {}", name.name, name.type, shown(record_set_from(now.at(name.resource()))));
    }
    if (behind.empty()) return;
    if (asked == times_asked) {
      throw Failure(fmt::format("The DNS server {} took the update, but {} s later it still answers:{}", server,
                                times_asked * pause.count() / 1000, behind));
    }
    system.sleep(pause);
  }
}

}  // namespace

State read_record_sets(System& system, const std::string& server, const std::vector<DnsName>& names) {
  State state;
  for (const DnsName& name : names) state[name.resource()] = to_state(system.dns_query(server, name.name, name.type));
  return state;
}

void move_record_sets(System& system, const std::string& server, const DnsKey& key, const std::vector<DnsName>& names,
                      const State& from, const State& to) {
  State now = read_record_sets(system, server, names);
  require_no_interference(server, names, now, from, to);
  for (const auto& [zone, update] : updates_by_zone(system, server, names, now, to)) {
    try {
      system.dns_update(server, key, update);
    } catch (const DnsMismatch&) {
      // Either somebody was quicker, or an answer got lost and the update was sent twice: what is there now decides.
      now = read_record_sets(system, server, names);
      require_no_interference(server, names, now, from, to);
      for (const DnsUpdate::Entry& entry : update.entries) {
        if (now.at(DnsName{entry.name, entry.type}.resource()) != to_state(entry.wanted)) throw;
      }
    }
  }
  wait_until_served(system, server, names, to);
}

}  // namespace migrate
