#include "plans/seats.h"

#include "plans/texts.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <set>

namespace migrate {
namespace {

std::string local_host_name(Draft& draft) {
  if (const Host* host = draft.plan.local_host()) return host->name;
  Host host;
  host.name = host.address = "localhost";
  host.local = true;
  draft.plan.hosts.emplace(host.name, host);
  return host.name;
}

/// Hosts behind one name; tells when there are none.
std::vector<std::string> hosts_named(Draft& draft, const Value& value, const std::string& name) {
  if (draft.plan.hosts.contains(name)) return {name};
  if (auto group = draft.plan.groups.find(name); group != draft.plan.groups.end()) return group->second;
  std::vector<std::string_view> known = key_names(draft.plan.hosts);
  for (std::string_view group : key_names(draft.plan.groups)) known.push_back(group);
  draft.error_at(value, fmt::format("unknown host {}", in_quotes(name)), did_you_mean(name, known));
  return {};
}

std::vector<Seat> seats_on(Draft& draft, const CallPlace& place, const std::vector<std::string>& hosts) {
  draft.charge_hosts(place.entry.key_at, hosts.size());
  std::vector<Seat> seats;
  for (const std::string& host : hosts) seats.push_back({host, ""});
  return seats;
}

/// The host that a field of the call names: old:/path, postgres://old/db, host: old. "" when none does.
std::string host_in_fields(const CallPlace& place) {
  for (const Field& field : place.schema.fields) {
    const boost::json::value* param = place.call.params.if_contains(field.name);
    if (!param) continue;
    if (field.type == FieldType::host) return std::string(param->as_string());
    if (field.type != FieldType::host_path && field.type != FieldType::database) continue;
    std::string host(param->as_object().at("host").as_string());
    if (!host.empty()) return host;
  }
  return {};
}

std::vector<Seat> seats_on_hosts(Draft& draft, const CallPlace& place) {
  if (place.own.given()) return seats_on(draft, place, place.own.names);
  if (std::string host = host_in_fields(place); !host.empty()) return seats_on(draft, place, {host});
  if (place.inherited.given()) return seats_on(draft, place, place.inherited.names);
  draft.error_at_key(place.entry, fmt::format("{} needs a host", place.schema.name),
                     "add \"host:\" here, to the group or to the phase");
  return {};
}

/// The host in `from` or `to`; "" after an error, or when the field had one.
std::string end_of(Draft& draft, const CallPlace& place, std::string_view field) {
  const boost::json::value* param = place.call.params.if_contains(field);
  if (!param || !param->is_object()) return {};
  std::string host(param->as_object().at("host").as_string());
  const Value::Entry* written = place.entry.value.find(field);
  if (host.empty() && written)
    draft.error_at(written->value, fmt::format("{} needs a host in \"{}\"", place.schema.name, field),
                   "write host:/path, or postgres://host/database");
  return host;
}

std::vector<Seat> seats_from_to(Draft& draft, const CallPlace& place) {
  if (place.own.entry)
    draft.error_at_key(*place.own.entry, fmt::format("{} takes its hosts from \"from\" and \"to\"", place.schema.name),
                       "leave \"host:\" out");
  std::string from = end_of(draft, place, "from"), to = end_of(draft, place, "to");
  if (from.empty() || to.empty()) return {};
  if (from == to) {
    draft.error_at_key(place.entry, fmt::format("{} from {} to itself is not yet supported", place.schema.name, from));
    return {};
  }
  draft.charge_hosts(place.entry.key_at, 2);
  return {{from, "source"}, {to, "target"}};
}

}  // namespace

HostList read_hosts_of(Draft& draft, const Value& map) {
  const Value::Entry* entry = map.find("host");
  if (!entry) return {};
  HostList list{entry, {}};
  auto names = read_texts(draft, entry->value, "a host, a group or a list of them");
  if (!names) return list;
  std::set<std::string> seen;
  for (std::size_t index = 0; index < names->size(); ++index) {
    bool one_each = entry->value.is_list() && entry->value.items.size() == names->size();
    const Value& written = one_each ? entry->value.items[index] : entry->value;
    std::vector<std::string> hosts = hosts_named(draft, written, (*names)[index]);
    draft.charge_hosts(written.at, hosts.size());
    for (std::string& host : hosts)
      if (seen.insert(host).second) list.names.push_back(std::move(host));
  }
  return list;
}

std::vector<Seat> seats_of(Draft& draft, const CallPlace& place) {
  switch (place.schema.placement) {
    case Placement::on_host:
      return seats_on_hosts(draft, place);
    case Placement::controller:
      return seats_on(draft, place, place.own.given() ? place.own.names : std::vector{local_host_name(draft)});
    case Placement::from_to:
      return seats_from_to(draft, place);
    case Placement::nowhere:
      if (place.own.entry)
        draft.error_at_key(*place.own.entry, fmt::format("{} runs on no host", place.schema.name),
                           "leave \"host:\" out");
      return {};
  }
  return {};
}

}  // namespace migrate
