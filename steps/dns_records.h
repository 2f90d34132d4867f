// Record sets of addresses as states of resources (`dns:NAME/TYPE`), for people, and the way from one state to another.
#pragma once

#include "steps/change.h"
#include "steps/state.h"
#include "steps/system.h"

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

struct DnsName {
  std::string name, type;  // "libravatar.test", "AAAA"
  std::string resource() const { return "dns:" + name + "/" + type; }
};

/// "A" or "AAAA"; "" when `text` is no address.
std::string_view type_of_address(const std::string& text);
/// An address as DNS servers write it (2001:DB8:0::1 -> 2001:db8::1); throws Failure when it is none of `type`.
std::string canonical_address(const std::string& text, std::string_view type);

/// {"ttl": seconds, "values": [...]}, or null when there is no such set. Sorts and removes duplicates.
boost::json::value to_state(DnsRecordSet set);
/// Throws Failure for what to_state() doesn't give.
DnsRecordSet record_set_from(const boost::json::value& value);

/// "43200  192.0.2.10, 192.0.2.11", or "no such records".
std::string shown(const DnsRecordSet& set);

/// What leads from `now` to `wanted` (both hold all of `names`), for people.
Change record_sets_change(const std::vector<DnsName>& names, const State& now, const State& wanted);

}  // namespace migrate
