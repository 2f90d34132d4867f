// DNS queries and RFC 2136 updates with TSIG (RFC 8945): ldns stays in dns_client.cpp.
#pragma once

#include "steps/system.h"

#include <string>

namespace migrate {

/// `server`: an address or a name, with an optional ":port" ("[2001:db8::1]:53", "ns1.example.org:5353").
/// Asks that server itself, without recursion, over TCP when truncated. Throws Failure for SERVFAIL, REFUSED, no
/// answer.
DnsRecordSet dns_lookup(const std::string& server, const std::string& name, const std::string& type);

/// The zone that holds `name`: from the SOA in the answer or authority section.
std::string dns_find_zone(const std::string& server, const std::string& name);

/// All or nothing. DnsMismatch when a prerequisite fails (NXRRSET, YXRRSET, ...); Failure with a sentence for BADKEY,
/// BADSIG, BADTIME, REFUSED, NOTAUTH, SERVFAIL, and for an answer that is not signed with our key.
void dns_send_update(const std::string& server, const DnsKey& key, const DnsUpdate& update);

}  // namespace migrate
