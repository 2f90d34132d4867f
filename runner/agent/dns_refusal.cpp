#include "runner/agent/dns_refusal.h"

#include "steps/system.h"

#include <fmt/format.h>

namespace migrate {

namespace {

enum Rcode {
  no_error = 0,
  form_err = 1,
  serv_fail = 2,
  nx_domain = 3,
  not_imp = 4,
  refused = 5,
  yx_domain = 6,
  yx_rrset = 7,
  nx_rrset = 8,
  not_auth = 9,
  not_zone = 10
};
enum TsigError { bad_sig = 16, bad_key = 17, bad_time = 18, bad_trunc = 22 };

std::string_view rcode_name(int rcode) {
  switch (rcode) {
    case form_err:
      return "FORMERR";
    case serv_fail:
      return "SERVFAIL";
    case nx_domain:
      return "NXDOMAIN";
    case not_imp:
      return "NOTIMP";
    case refused:
      return "REFUSED";
    case yx_domain:
      return "YXDOMAIN";
    case yx_rrset:
      return "YXRRSET";
    case nx_rrset:
      return "NXRRSET";
    case not_auth:
      return "NOTAUTH";
    case not_zone:
      return "NOTZONE";
    default:
      return "an unknown error";
  }
}

bool prerequisite_failed(int rcode) {
  return rcode == nx_domain || rcode == yx_domain || rcode == yx_rrset || rcode == nx_rrset;
}

std::string key_refusal(int error, const std::string& server, const std::string& key, const std::string& zone) {
  std::string tried =
      fmt::format("The server {} did not accept the key \"{}\" for an update of the zone {}: ", server, key, zone);
  switch (error) {
    case bad_sig:
      return tried + "its secret is not the one that the server has under that name (BADSIG).";
    case bad_key:
      return tried + "it knows no such key, or another algorithm for it (BADKEY).";
    case bad_time:
      return tried + "the clocks differ by more than 5 minutes (BADTIME). Compare `date -u` here and there.";
    case bad_trunc:
      return tried + "the signature is shorter than it allows (BADTRUNC).";
    default:
      return tried + fmt::format("TSIG error {}.", error);
  }
}

std::string update_refusal(int rcode, const std::string& server, const std::string& key, const std::string& zone) {
  switch (rcode) {
    case refused:
      return fmt::format(
          "The server {} refused the update of the zone {}: the key \"{}\" may not change it (REFUSED). Look at "
          "update-policy or allow-update of that zone.",
          server, zone, key);
    case not_auth:
      return fmt::format("The server {} is not an authority for the zone {}, so it does not update it (NOTAUTH).",
                         server, zone);
    case not_zone:
      return fmt::format("The server {} says that a name of the update does not lie in the zone {} (NOTZONE).", server,
                         zone);
    case serv_fail:
      return fmt::format(
          "The server {} could not update the zone {} (SERVFAIL): often it may not write the zone's journal "
          "file. Its log says more.",
          server, zone);
    case not_imp:
      return fmt::format("The server {} does not do updates of zones (NOTIMP).", server);
    default:
      return fmt::format("The server {} answered {} ({}) to the update of the zone {}.", server, rcode_name(rcode),
                         rcode, zone);
  }
}

}  // namespace

std::string query_refusal(int rcode, const std::string& server, const std::string& name) {
  if (rcode == refused) {
    return fmt::format(
        "The DNS server {} refused to say anything about {}: it holds no zone with that name, or does not "
        "answer this machine (REFUSED).",
        server, name);
  }
  if (rcode == serv_fail) {
    return fmt::format(
        "The DNS server {} failed to answer about {} (SERVFAIL): its zone may not be loaded. Its log says more.",
        server, name);
  }
  return fmt::format("The DNS server {} answered {} ({}) when asked about {}.", server, rcode_name(rcode), rcode, name);
}

void require_done(const UpdateAnswer& answer, const std::string& server, const std::string& key_name,
                  const std::string& zone) {
  if (answer.tsig_error != 0) throw Failure(key_refusal(answer.tsig_error, server, key_name, zone));
  bool decided = answer.rcode == no_error || prerequisite_failed(answer.rcode);
  if (!answer.is_signed && decided) {
    throw Failure(
        fmt::format("The answer to the update of the zone {} is not signed with the key \"{}\", so it is not known "
                    "whether {} sent it and whether the zone has changed.",
                    zone, key_name, server));
  }
  if (prerequisite_failed(answer.rcode)) {
    throw DnsMismatch(
        fmt::format("The zone {} on {} no longer holds what the update was made for ({}); nothing was changed.", zone,
                    server, rcode_name(answer.rcode)));
  }
  if (answer.rcode != no_error) throw Failure(update_refusal(answer.rcode, server, key_name, zone));
}

}  // namespace migrate
