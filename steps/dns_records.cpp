#include "steps/dns_records.h"

#include <arpa/inet.h>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace migrate {

namespace {

std::string listed(const std::vector<std::string>& values) { return fmt::format("{}", fmt::join(values, ", ")); }

std::vector<std::string> without(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  std::vector<std::string> rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

/// "43200 -> 3600    192.0.2.10"; "192.0.2.10 -> 198.51.100.20    ttl 300"; "- 192.0.2.10    leaves 203.0.113.9".
std::string step_of(const DnsRecordSet& now, const DnsRecordSet& wanted) {
  if (!now.exists && !wanted.exists) return "no such records";
  if (!now.exists) return fmt::format("new -> {}    ttl {}", listed(wanted.values), wanted.ttl);
  if (!wanted.exists) return fmt::format("- {}    leaves none", listed(now.values));
  std::string ttl = now.ttl == wanted.ttl ? fmt::to_string(now.ttl) : fmt::format("{} -> {}", now.ttl, wanted.ttl);
  if (now.values == wanted.values) return fmt::format("{}    {}", ttl, listed(now.values));
  std::vector<std::string> gone = without(now.values, wanted.values), come = without(wanted.values, now.values);
  if (gone == now.values) return fmt::format("{} -> {}    ttl {}", listed(gone), listed(come), ttl);
  std::string steps;
  if (!gone.empty()) steps += "- " + listed(gone);
  if (!come.empty()) steps += (gone.empty() ? "+ " : "  + ") + listed(come);
  std::string rest = now.ttl == wanted.ttl ? "" : "    ttl " + ttl;
  return fmt::format("{}    {} {}{}", steps, come.empty() ? "leaves" : "beside", listed(without(now.values, gone)),
                     rest);
}

/// "put 43200 back", "put 192.0.2.10 back", "remove 198.51.100.20 again", in this order.
class UndoWords {
 public:
  void add(const DnsRecordSet& now, const DnsRecordSet& wanted) {
    for (const std::string& value : without(now.values, wanted.values)) back_.insert(value);
    for (const std::string& value : without(wanted.values, now.values)) again_.insert(value);
    if (now.exists && wanted.exists && now.ttl != wanted.ttl) ttls_.insert(now.ttl);
  }
  std::string text() const {
    std::vector<std::string> back;
    for (std::uint32_t ttl : ttls_) back.push_back((back_.empty() ? "" : "ttl ") + fmt::to_string(ttl));
    back.insert(back.end(), back_.begin(), back_.end());
    std::string text = back.empty() ? "" : fmt::format("put {} back", fmt::join(back, ", "));
    if (!again_.empty()) text += fmt::format("{}remove {} again", text.empty() ? "" : ", ", fmt::join(again_, ", "));
    return text;
  }

 private:
  std::set<std::string> back_, again_;
  std::set<std::uint32_t> ttls_;
};

char mark_of(const DnsRecordSet& now, const DnsRecordSet& wanted) {
  if (now == wanted) return '=';
  bool grows = without(now.values, wanted.values).empty(), shrinks = without(wanted.values, now.values).empty();
  if (grows == shrinks || (now.exists && wanted.exists && now.ttl != wanted.ttl)) return '~';
  return grows ? '+' : '-';
}

}  // namespace

std::string_view type_of_address(const std::string& text) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return "A";
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return "AAAA";
  return "";
}

std::string canonical_address(const std::string& text, std::string_view type) {
  if (type_of_address(text) != type) {
    throw Failure(fmt::format("\"{}\" is not an IPv{} address, so it cannot stand in a record of type {}.", text,
                              type == "A" ? 4 : 6, type));
  }
  unsigned char bytes[16];
  char canonical[INET6_ADDRSTRLEN] = "";
  int family = type == "A" ? AF_INET : AF_INET6;
  inet_pton(family, text.c_str(), bytes);
  return inet_ntop(family, bytes, canonical, sizeof canonical);
}

boost::json::value to_state(DnsRecordSet set) {
  if (!set.exists) return nullptr;
  std::sort(set.values.begin(), set.values.end());
  set.values.erase(std::unique(set.values.begin(), set.values.end()), set.values.end());
  boost::json::array values(set.values.begin(), set.values.end());
  return boost::json::object{{"ttl", static_cast<std::int64_t>(set.ttl)}, {"values", std::move(values)}};
}

DnsRecordSet record_set_from(const boost::json::value& value) {
  DnsRecordSet set;
  if (value.is_null()) return set;
  try {
    set.exists = true;
    set.ttl = value.at("ttl").to_number<std::uint32_t>();
    for (const boost::json::value& one : value.at("values").as_array()) set.values.emplace_back(one.as_string());
  } catch (const std::exception& error) {
    throw Failure(fmt::format("The state of a DNS record set cannot be read: {}.", error.what()));
  }
  return set;
}

std::string shown(const DnsRecordSet& set) {
  return set.exists ? fmt::format("{}  {}", set.ttl, listed(set.values)) : "no such records";
}

Change record_sets_change(const std::vector<DnsName>& names, const State& now, const State& wanted) {
  Change change;
  change.after = wanted;
  std::size_t width = 0;
  for (const DnsName& each : names) width = std::max(width, each.name.size() + 1);
  int changed = 0;
  UndoWords undo;
  for (const DnsName& each : names) {
    DnsRecordSet from = record_set_from(now.at(each.resource())), to = record_set_from(wanted.at(each.resource()));
    if (from == to) continue;
    char mark = mark_of(from, to);
    change.mark = ++changed == 1 || change.mark == mark ? mark : '~';
    change.details.push_back(fmt::format("{:<{}}  {:<4}  {}", each.name + ".", width, each.type, step_of(from, to)));
    undo.add(from, to);
  }
  change.summary =
      changed == 0 ? "nothing to change" : fmt::format("{} record set{}", changed, changed == 1 ? "" : "s");
  change.undo = undo.text();
  return change;
}

}  // namespace migrate
