// What a DNS server's refusals mean, as sentences for the operator.
#pragma once

#include <string>

namespace migrate {

/// `rcode` other than NOERROR and NXDOMAIN. `server` as shown to people.
std::string query_refusal(int rcode, const std::string& server, const std::string& name);

/// What matters of the answer to an UPDATE (numbers of RFC 2136 and RFC 8945).
struct UpdateAnswer {
  int rcode = 0;
  int tsig_error = 0;
  bool is_signed = false;  // with our key, and of now
};

/// Returns only when the server did it and signed that. DnsMismatch when a prerequisite did not hold, else Failure.
void require_done(const UpdateAnswer& answer, const std::string& server, const std::string& key_name,
                  const std::string& zone);

}  // namespace migrate
