#include "runner/agent/http_trouble.h"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <cstring>

namespace migrate {

namespace {

std::string certificate_cause(const HttpTrouble& trouble) {
  switch (trouble.verify_result) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:  // libcurl compares names before it asks for the result of the chain
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "its certificate is not valid for this name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "its certificate is signed by itself, not by a known authority";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate comes from an authority unknown to this machine";
    default:
      return fmt::format("its certificate is not accepted ({})", X509_verify_cert_error_string(trouble.verify_result));
  }
}

std::string cause_of(const HttpTrouble& trouble) {
  std::string family = trouble.family == 0 ? "" : fmt::format(" for IPv{}", trouble.family);
  switch (trouble.cause) {
    case HttpTrouble::Cause::unknown_name:
      return "the name is not known" + family;
    case HttpTrouble::Cause::no_connection:
      return "no connection" + family +
             (trouble.os_error == 0 ? "" : fmt::format(", {}", std::strerror(trouble.os_error)));
    case HttpTrouble::Cause::timed_out:
      return fmt::format("not done within {:g} s", trouble.timeout.count() / 1000.0);
    case HttpTrouble::Cause::certificate:
      return certificate_cause(trouble);
    case HttpTrouble::Cause::tls:
      return "no TLS connection came about";
    case HttpTrouble::Cause::other:
      break;
  }
  return "the request failed";
}

}  // namespace

std::string sentence(const HttpTrouble& trouble) {
  std::string where;
  if (!trouble.connect_to.empty()) where = " via " + trouble.connect_to;
  if (!trouble.address.empty() && trouble.address != trouble.connect_to) where += " (" + trouble.address + ")";
  return fmt::format("{}{} gave no answer: {} ({}).", trouble.url, where, cause_of(trouble), trouble.words);
}

}  // namespace migrate
