// Record sets on a DNS server, brought from one state to another by updates that hold only while nobody else
// interferes.
#pragma once

#include "steps/dns_records.h"

#include <string>
#include <vector>

namespace migrate {

/// Asks the server for every one of them. Reads only.
State read_record_sets(System& system, const std::string& server, const std::vector<DnsName>& names);

/// Each set must be as in `from` or, from an earlier try, as in `to` already: else Failure shows the three states and
/// nothing is changed. One update a zone, with what was just read as its prerequisite. Returns when the server itself
/// answers with `to`.
void move_record_sets(System& system, const std::string& server, const DnsKey& key, const std::vector<DnsName>& names,
                      const State& from, const State& to);

}  // namespace migrate
