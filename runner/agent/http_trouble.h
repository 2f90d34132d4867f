// Why a request over HTTP got no answer, as a sentence for the operator.
#pragma once

#include <chrono>
#include <string>

namespace migrate {

struct HttpTrouble {
  enum class Cause { unknown_name, no_connection, timed_out, certificate, tls, other };
  Cause cause = Cause::other;
  std::string url;
  std::string connect_to;  // as in HttpRequest
  int family = 0;          // as in HttpRequest
  std::string address;     // that was connected to, or ""
  std::string words;       // the library's own
  int os_error = 0;        // errno of the connection attempt, or 0
  long verify_result = 0;  // OpenSSL's X509_V_*, 0 when the chain was fine
  std::chrono::milliseconds timeout{0};
};

std::string sentence(const HttpTrouble& trouble);

}  // namespace migrate
