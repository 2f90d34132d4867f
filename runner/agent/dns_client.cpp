#include "runner/agent/dns_client.h"

#include "runner/agent/dns_refusal.h"
#include "runner/agent/dns_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <vector>

// ldns makes macros of these words; nothing of ours may come after it.
#include <ldns/ldns.h>
#undef true
#undef false
#undef bool

namespace migrate {

namespace {

constexpr int tries = 3;
constexpr timeval patience{2, 0};
constexpr int clock_skew_s = 300;  // TSIG "fudge", as RFC 8945 recommends

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;
using Record = std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)>;

struct Answer {
  Packet packet{nullptr, ldns_pkt_free};
  std::vector<std::uint8_t> wire;
  std::string from;  // the server as the plan names it, and the address that answered
};

std::string text_of(const ldns_rdf* rdf) {
  std::unique_ptr<char, decltype(&std::free)> text(ldns_rdf2str(rdf), std::free);
  return text ? text.get() : "";
}

std::string without_final_dot(std::string name) {
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return name;
}

ldns_rdf* domain_name(const std::string& name) {
  ldns_rdf* rdf = ldns_dname_new_frm_str((name.ends_with('.') ? name : name + ".").c_str());
  if (rdf == nullptr) throw Failure(fmt::format("\"{}\" is not a domain name.", name));
  return rdf;
}

ldns_rr_type record_type(const std::string& type) {
  ldns_rr_type known = ldns_get_rr_type_by_name(type.c_str());
  if (known == 0) throw Failure(fmt::format("\"{}\" is not a type of DNS record.", type));
  return known;
}

// --- one question and its answer

std::vector<std::uint8_t> wire_of(const ldns_pkt& packet) {
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_status status = ldns_pkt2wire(&bytes, &packet, &size); status != LDNS_STATUS_OK) {
    throw Failure(fmt::format("The DNS message cannot be written: {}.", ldns_get_errorstr_by_id(status)));
  }
  std::unique_ptr<std::uint8_t, decltype(&std::free)> owned(bytes, std::free);
  return {bytes, bytes + size};
}

/// Sends to one address and waits. Sets `why` when nothing comes back.
std::optional<std::vector<std::uint8_t>> send_once(const DnsServerAddress& address,
                                                   const std::vector<std::uint8_t>& message, bool tcp,
                                                   std::string& why) {
  std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)> buffer(ldns_buffer_new(message.size()), ldns_buffer_free);
  ldns_buffer_write(buffer.get(), message.data(), message.size());
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  auto send = tcp ? ldns_tcp_send : ldns_udp_send;
  errno = 0;
  ldns_status status = send(&bytes, buffer.get(), &address.to, address.length, patience, &size);
  int error = errno;
  std::unique_ptr<std::uint8_t, decltype(&std::free)> owned(bytes, std::free);
  if (status == LDNS_STATUS_OK && bytes != nullptr) return std::vector<std::uint8_t>(bytes, bytes + size);
  bool silent = error == 0 || error == EAGAIN || error == EINPROGRESS || error == ETIMEDOUT;
  why = silent ? fmt::format("no answer within {} s", patience.tv_sec) : std::strerror(error);
  return std::nullopt;
}

/// The answer, if those bytes are one to `question`.
Packet parse_answer(const ldns_pkt& question, const std::vector<std::uint8_t>& wire) {
  ldns_pkt* parsed = nullptr;
  ldns_status status = ldns_wire2pkt(&parsed, wire.data(), wire.size());
  Packet packet(status == LDNS_STATUS_OK ? parsed : nullptr, ldns_pkt_free);
  if (packet && (!ldns_pkt_qr(packet.get()) || ldns_pkt_id(packet.get()) != ldns_pkt_id(&question))) packet.reset();
  return packet;
}

Answer exchange(const std::string& server, const ldns_pkt& question, bool tcp) {
  std::vector<DnsServerAddress> addresses = dns_server_addresses(server);
  std::vector<std::uint8_t> message = wire_of(question);
  std::vector<std::string> reasons(addresses.size());
  for (int attempt = 0; attempt < tries; ++attempt) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      auto wire = send_once(addresses[i], message, tcp, reasons[i]);
      if (!wire) continue;
      Answer answer{parse_answer(question, *wire), std::move(*wire), server};
      if (!server.starts_with(addresses[i].text)) answer.from += " (" + addresses[i].text + ")";
      if (answer.packet && ldns_pkt_tc(answer.packet.get()) && !tcp) return exchange(server, question, true);
      if (answer.packet) return answer;
      reasons[i] = "what it answered is no DNS answer to our question";
    }
  }
  std::string each;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    each += fmt::format("{}{}: {}", i == 0 ? "" : "; ", addresses[i].text, reasons[i]);
  }
  throw Failure(fmt::format("The DNS server {} does not answer over {}, tried {} times: {}.", server,
                            tcp ? "TCP" : "UDP", tries, each));
}

// --- reading

/// An authoritative answer; whether the name exists is for the caller to see.
Answer ask(const std::string& server, const std::string& name, ldns_rr_type type) {
  Packet question(ldns_pkt_query_new(domain_name(name), type, LDNS_RR_CLASS_IN, 0), ldns_pkt_free);
  ldns_pkt_set_random_id(question.get());
  Answer answer = exchange(server, *question, false);
  int rcode = ldns_pkt_get_rcode(answer.packet.get());
  if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
    throw Failure(query_refusal(rcode, answer.from, name));
  }
  if (!ldns_pkt_aa(answer.packet.get())) {
    throw Failure(
        fmt::format("The DNS server {} is not an authority for {}: it passes on what others say, or points to "
                    "them. Name the primary server of its zone.",
                    answer.from, name));
  }
  return answer;
}

std::vector<const ldns_rr*> records_of(const ldns_rr_list* section, const std::string& owner, ldns_rr_type type) {
  std::vector<const ldns_rr*> found;
  for (std::size_t i = 0; section != nullptr && i < ldns_rr_list_rr_count(section); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(section, i);
    bool wanted = ldns_rr_get_type(record) == type && ldns_rr_get_class(record) == LDNS_RR_CLASS_IN;
    if (wanted && without_final_dot(text_of(ldns_rr_owner(record))) == owner) found.push_back(record);
  }
  return found;
}

std::string value_of(const ldns_rr& record) {
  std::string value;
  for (std::size_t i = 0; i < ldns_rr_rd_count(&record); ++i) {
    value += (i == 0 ? "" : " ") + text_of(ldns_rr_rdf(&record, i));
  }
  return value;
}

// --- changing

Record record_from(const std::string& line) {
  ldns_rr* record = nullptr;
  ldns_status status = ldns_rr_new_frm_str(&record, line.c_str(), 0, nullptr, nullptr);
  if (status == LDNS_STATUS_OK) return {record, ldns_rr_free};
  throw Failure(fmt::format("\"{}\" is not a DNS record: {}.", line, ldns_get_errorstr_by_id(status)));
}

/// A record without a value: class ANY "the whole set", class NONE "no such set" (RFC 2136, 2.4 and 2.5).
Record set_as_a_whole(const DnsUpdate::Entry& entry, ldns_rr_class meaning) {
  Record record(ldns_rr_new(), ldns_rr_free);
  ldns_rr_set_owner(record.get(), domain_name(entry.name));
  ldns_rr_set_type(record.get(), record_type(entry.type));
  ldns_rr_set_class(record.get(), meaning);
  ldns_rr_set_ttl(record.get(), 0);
  ldns_rr_set_rd_count(record.get(), 0);
  return record;
}

std::vector<Record> records_from(const DnsUpdate::Entry& entry, const DnsRecordSet& set, std::uint32_t ttl) {
  std::vector<Record> records;
  for (const std::string& value : set.values) {
    records.push_back(record_from(fmt::format("{}. {} IN {} {}", entry.name, ttl, entry.type, value)));
  }
  return records;
}

// What an UPDATE calls the sections of a message (RFC 2136, 2).
constexpr ldns_pkt_section prerequisites = LDNS_SECTION_ANSWER;
constexpr ldns_pkt_section changes = LDNS_SECTION_AUTHORITY;

void push(ldns_pkt& packet, ldns_pkt_section section, std::vector<Record> records) {
  for (Record& record : records) ldns_pkt_push_rr(&packet, section, record.release());
}

Packet update_packet(const DnsUpdate& update) {
  // ldns's own maker of updates wants all records at once; this makes the same: the zone stands where a question would.
  Packet packet(ldns_pkt_query_new(domain_name(update.zone), LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN, 0), ldns_pkt_free);
  ldns_pkt_set_opcode(packet.get(), LDNS_PACKET_UPDATE);
  ldns_pkt_set_random_id(packet.get());
  auto push_whole = [&](ldns_pkt_section section, const DnsUpdate::Entry& entry, ldns_rr_class meaning) {
    ldns_pkt_push_rr(packet.get(), section, set_as_a_whole(entry, meaning).release());
  };
  for (const DnsUpdate::Entry& entry : update.entries) {
    if (!entry.expected.exists) push_whole(prerequisites, entry, LDNS_RR_CLASS_NONE);
    if (entry.expected.exists) push(*packet, prerequisites, records_from(entry, entry.expected, 0));
    push_whole(changes, entry, LDNS_RR_CLASS_ANY);
    if (entry.wanted.exists) push(*packet, changes, records_from(entry, entry.wanted, entry.wanted.ttl));
  }
  return packet;
}

std::string absolute(const std::string& name) { return name.ends_with('.') ? name : name + "."; }

std::string tsig_algorithm(const DnsKey& key) {
  if (key.algorithm == "hmac-md5") return "hmac-md5.sig-alg.reg.int.";
  // ldns spells hmac-sha384 wrongly and does not have hmac-sha224.
  for (const char* known : {"hmac-sha256", "hmac-sha512", "hmac-sha1"}) {
    if (key.algorithm == known) return absolute(known);
  }
  throw Failure(
      fmt::format("The TSIG key \"{}\" is for {}, which is not supported. Make one for hmac-sha256: tsig-keygen -a "
                  "hmac-sha256 {}",
                  key.name, key.algorithm, key.name));
}

void sign(ldns_pkt& packet, const DnsKey& key) {
  ldns_status status = ldns_pkt_tsig_sign(&packet, absolute(key.name).c_str(), key.secret.c_str(), clock_skew_s,
                                          tsig_algorithm(key).c_str(), nullptr);
  if (status == LDNS_STATUS_OK) return;
  throw Failure(fmt::format("The DNS update cannot be signed with the TSIG key \"{}\": {}.", key.name,
                            ldns_get_errorstr_by_id(status)));
}

// The places of TSIG's fields among ldns's rdata.
enum TsigField { algorithm_field = 0, time_field = 1, mac_field = 3, error_field = 5 };

int tsig_error(const ldns_pkt& answer) {
  const ldns_rr* tsig = ldns_pkt_tsig(&answer);
  if (tsig == nullptr || ldns_rr_rd_count(tsig) <= error_field) return 0;
  return ldns_rdf2native_int16(ldns_rr_rdf(tsig, error_field));
}

/// ldns checks the signature, but neither that it is by the algorithm of our key nor that it is of now.
bool signed_with(const DnsKey& key, const ldns_pkt& sent, Answer& answer) {
  const ldns_rr* tsig = ldns_pkt_tsig(answer.packet.get());
  if (tsig == nullptr || ldns_rr_rd_count(tsig) <= error_field) return false;
  if (without_final_dot(text_of(ldns_rr_rdf(tsig, algorithm_field))) != without_final_dot(tsig_algorithm(key)))
    return false;
  const std::uint8_t* at = ldns_rdf_data(ldns_rr_rdf(tsig, time_field));
  std::int64_t time = 0;
  for (int i = 0; i < 6; ++i) time = time << 8 | at[i];
  if (std::abs(time - static_cast<std::int64_t>(std::time(nullptr))) > clock_skew_s) return false;
  return ldns_pkt_tsig_verify(answer.packet.get(), answer.wire.data(), answer.wire.size(), absolute(key.name).c_str(),
                              key.secret.c_str(), ldns_rr_rdf(ldns_pkt_tsig(&sent), mac_field));
}

}  // namespace

DnsRecordSet dns_lookup(const std::string& server, const std::string& name, const std::string& type) {
  ldns_rr_type wanted = record_type(type);
  Answer answer = ask(server, name, wanted);
  const ldns_rr_list* records = ldns_pkt_answer(answer.packet.get());
  std::string owner = without_final_dot(name);
  auto aliases = records_of(records, owner, LDNS_RR_TYPE_CNAME);
  if (!aliases.empty() && wanted != LDNS_RR_TYPE_CNAME) {
    throw Failure(fmt::format("{} is an alias (CNAME) of {} and has no {} records of its own: name {} instead.", owner,
                              value_of(*aliases[0]), type, without_final_dot(value_of(*aliases[0]))));
  }
  DnsRecordSet set;
  for (const ldns_rr* record : records_of(records, owner, wanted)) {
    set.exists = true;
    set.ttl = ldns_rr_ttl(record);
    set.values.push_back(value_of(*record));
  }
  std::sort(set.values.begin(), set.values.end());
  return set;
}

std::string dns_find_zone(const std::string& server, const std::string& name) {
  std::string candidate = without_final_dot(name);
  Answer answer = ask(server, candidate, LDNS_RR_TYPE_SOA);
  for (std::string_view rest = candidate; !rest.empty();) {
    for (const ldns_rr_list* section :
         {ldns_pkt_answer(answer.packet.get()), ldns_pkt_authority(answer.packet.get())}) {
      if (!records_of(section, std::string(rest), LDNS_RR_TYPE_SOA).empty()) return std::string(rest);
    }
    std::size_t dot = rest.find('.');
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  // An alias hides the zone that it stands in: its parent tells.
  std::size_t dot = candidate.find('.');
  if (dot != std::string::npos) return dns_find_zone(server, candidate.substr(dot + 1));
  throw Failure(fmt::format("The DNS server {} does not say which zone holds {}.", answer.from, name));
}

void dns_send_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) {
  Packet packet = update_packet(update);
  sign(*packet, key);
  Answer answer = exchange(server, *packet, true);
  UpdateAnswer seen;
  seen.rcode = ldns_pkt_get_rcode(answer.packet.get());
  seen.tsig_error = tsig_error(*answer.packet);
  seen.is_signed = signed_with(key, *packet, answer);
  require_done(seen, answer.from, key.name, update.zone);
}

}  // namespace migrate
