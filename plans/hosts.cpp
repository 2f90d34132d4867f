// The sections `hosts` and `groups`.
#include "plans/fields.h"
#include "plans/head.h"
#include "plans/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace migrate {
namespace {

/// What ssh gets as a destination: nothing that could be read as an option or as two words.
bool is_address(std::string_view text) {
  auto fits = [](unsigned char c) { return c > 0x20 && c != 0x7F; };
  return !text.empty() && !text.starts_with('-') && std::all_of(text.begin(), text.end(), fits);
}

std::optional<std::string> read_word(Draft& draft, const Value& value, std::string_view what) {
  auto text = read_text(draft, value, what);
  if (text && is_address(*text)) return text;
  if (text) draft.expected(value, what, text, "");
  return std::nullopt;
}

void read_local(Draft& draft, const Value& fields, const Value& local, Host& host) {
  host.local = read_boolean(draft, local).value_or(false);
  if (!host.local) return;
  for (std::string_view key : {"address", "user", "port"})
    if (const Value::Entry* other = fields.find(key))
      draft.error_at_key(*other, fmt::format("a local host has no \"{}\"", key),
                         "it is the machine that migrate runs on");
}

void read_host_fields(Draft& draft, const Value& fields, Host& host) {
  if (!check_keys(draft, fields, "a host", {"local", "address", "user", "port", "become"}, {"connection", "agent"}))
    return;
  if (const Value::Entry* local = fields.find("local")) read_local(draft, fields, local->value, host);
  if (const Value::Entry* address = fields.find("address"))
    host.address = read_word(draft, address->value, "an address or a host name").value_or(host.name);
  if (const Value::Entry* user = fields.find("user"))
    host.user = read_word(draft, user->value, "a user's name").value_or("");
  if (const Value::Entry* port = fields.find("port"))
    host.port = static_cast<int>(read_integer(draft, port->value, 1, 65535).value_or(0));
  if (const Value::Entry* become = fields.find("become")) {
    host.become = read_word(draft, become->value, "root").value_or("");
    bool other_user = !host.become.empty() && host.become != "root";
    if (other_user) draft.error_at(become->value, "to become another user than root is not yet supported");
  }
}

Host read_host(Draft& draft, const Value::Entry& entry) {
  Host host;
  host.name = entry.key;
  host.address = entry.key;
  if (entry.value.is_scalar())
    host.address = read_word(draft, entry.value, "an address or a host name").value_or(entry.key);
  else if (!entry.value.is_null())
    read_host_fields(draft, entry.value, host);
  return host;
}

void check_local(Draft& draft, const Value::Entry& entry, const Host& host) {
  if (host.name == "localhost" && !host.local)
    draft.error_at_key(entry, "\"localhost\" is the machine that migrate runs on",
                       "write { local: true }, or another name");
  const Host* first = host.local ? draft.plan.local_host() : nullptr;
  if (first)
    draft.error_at_key(entry, fmt::format("{} is the local host already", in_quotes(first->name)), "a plan has one");
}

std::optional<std::string> read_member(Draft& draft, const Value& value) {
  auto name = read_text(draft, value, "a host");
  if (!name || draft.plan.hosts.contains(*name)) return name;
  if (draft.plan.groups.contains(*name))
    draft.error_at(value, fmt::format("{} is a group; a group of groups is not yet supported", in_quotes(*name)));
  else
    draft.error_at(value, fmt::format("unknown host {}", in_quotes(*name)),
                   did_you_mean(*name, key_names(draft.plan.hosts)));
  return std::nullopt;
}

}  // namespace

void read_hosts(Draft& draft, const Value& plan) {
  draft.scope.has_hosts = true;
  const Value::Entry* section = plan.find("hosts");
  if (!section) return;
  if (!section->value.is_map()) return draft.expected(section->value, "hosts (a map)");
  for (const Value::Entry& entry : section->value.entries) {
    if (!check_name(draft, entry)) continue;
    Host host = read_host(draft, entry);
    check_local(draft, entry, host);
    draft.scope.addresses.emplace(host.name, host.address);
    draft.plan.hosts.emplace(entry.key, std::move(host));
  }
}

void read_groups(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("groups");
  if (!section) return;
  if (!section->value.is_map()) return draft.expected(section->value, "groups (a map)");
  for (const Value::Entry& entry : section->value.entries) {
    if (!check_name(draft, entry)) continue;
    if (draft.plan.hosts.contains(entry.key))
      draft.error_at_key(entry, fmt::format("{} is a host already", in_quotes(entry.key)),
                         "a group has a name of its own");
    if (!entry.value.is_list() && !entry.value.is_scalar()) {
      draft.expected(entry.value, "a list of hosts");
    } else if (entry.value.is_list() && entry.value.items.empty()) {
      draft.error_at_key(entry, "a group has at least one host");
    }
    std::vector<std::string>& members = draft.plan.groups[entry.key];
    std::set<std::string> seen;
    static const std::vector<Value> none;
    const std::vector<Value> single = entry.value.is_scalar() ? std::vector{entry.value} : none;
    for (const Value& item : entry.value.is_list() ? entry.value.items : single) {
      auto member = read_member(draft, item);
      if (member && seen.insert(*member).second) members.push_back(*member);
    }
  }
}

}  // namespace migrate
