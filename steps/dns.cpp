#include "steps/dns.h"

#include "steps/dns_key.h"
#include "steps/dns_move.h"
#include "steps/params.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace migrate {

namespace {

constexpr std::uint32_t ttl_of_new_sets = 3600;
constexpr std::uint32_t longest_ttl = 604800;  // a week: more is never meant

/// Durations are milliseconds; a TTL has whole seconds.
std::optional<std::uint32_t> ttl_param(const boost::json::object& params) {
  const boost::json::value* given = params.if_contains("ttl");
  if (given == nullptr || given->is_null()) return std::nullopt;
  auto ms = given->to_number<std::int64_t>();
  if (ms >= 0 && ms % 1000 == 0 && ms / 1000 <= longest_ttl) return static_cast<std::uint32_t>(ms / 1000);
  throw Failure(fmt::format("A TTL is whole seconds, at most 7d; {:g} s is not.", static_cast<double>(ms) / 1000));
}

std::vector<std::string> addresses_of(const std::vector<std::string>& texts, std::string_view type) {
  std::set<std::string> sorted;
  for (const std::string& text : texts) sorted.insert(canonical_address(text, type));
  return {sorted.begin(), sorted.end()};
}

/// What the four have in common: record sets on one server, of which each can say what it shall become.
class DnsAction : public Action {
 public:
  explicit DnsAction(const boost::json::object& params) : params_(params), ttl_(ttl_param(params)) {}

  State probe(System& system) const override {
    key();
    return read_record_sets(system, server(), names());
  }
  Change plan(const State& state) const override { return record_sets_change(names(), state, wanted(state)); }
  boost::json::object apply(System& system, const State& before) const override {
    move_record_sets(system, server(), key(), names(), before, wanted(before));
    return {};
  }
  void verify(System& system, const State& before, const boost::json::object&) const override {
    std::string wrong = difference(wanted(before), read_record_sets(system, server(), names()));
    if (!wrong.empty())
      throw Failure(fmt::format("The DNS server {} does not answer as it should:\n{}", server(), wrong));
  }
  void undo(System& system, const State& before) const override {
    move_record_sets(system, server(), key(), names(), wanted(before), before);
  }

 protected:
  /// The set that shall be in place of `now`.
  virtual DnsRecordSet wanted_set(const DnsRecordSet& now, const std::string& type) const = 0;
  virtual std::vector<std::string> types() const = 0;

  const boost::json::object& params() const { return params_; }
  const std::optional<std::uint32_t>& ttl() const { return ttl_; }
  DnsRecordSet set_of(const DnsRecordSet& now, std::vector<std::string> values) const {
    return {true, ttl_.value_or(now.exists ? now.ttl : ttl_of_new_sets), std::move(values)};
  }

 private:
  std::vector<DnsName> names() const {
    std::vector<DnsName> names;
    std::set<std::string> seen;
    for (const std::string& name : texts_param(params_, "names")) {
      for (const std::string& type : types()) {
        if (seen.insert(name + "/" + type).second) names.push_back({name, type});
      }
    }
    return names;
  }
  State wanted(const State& state) const {
    State wanted;
    for (const DnsName& name : names()) {
      auto found = state.find(name.resource());
      if (found == state.end()) throw Failure(fmt::format("The recorded state lacks {}.", name.resource()));
      wanted[name.resource()] = to_state(wanted_set(record_set_from(found->second), name.type));
    }
    return wanted;
  }
  std::string server() const {
    std::string server = text_param(params_, "server");
    if (server.empty())
      throw Failure("No DNS server is known: write `dns: { server: ..., key: ... }` at the plan's top.");
    return server;
  }
  /// Only in a job: in the controller the key's value isn't there.
  DnsKey key() const {
    if (!has_param(params_, "key"))
      throw Failure("No TSIG key is known: write `dns: { server: ..., key: ... }` at the plan's top.");
    return parse_dns_key(text_param(params_, "key"));
  }

  boost::json::object params_;
  std::optional<std::uint32_t> ttl_;
};

class DnsTtl : public DnsAction {
 public:
  explicit DnsTtl(const boost::json::object& given) : DnsAction(given) {
    if (!ttl()) throw Failure("dns.ttl needs a ttl.");
    for (const std::string& type : types()) {
      if (type != "A" && type != "AAAA")
        throw Failure(fmt::format("dns.ttl changes records of type A and AAAA, not {}.", type));
    }
  }

 protected:
  DnsRecordSet wanted_set(const DnsRecordSet& now, const std::string&) const override {
    return now.exists ? set_of(now, now.values) : now;
  }
  std::vector<std::string> types() const override {
    std::vector<std::string> given = texts_param(params(), "types");
    return given.empty() ? std::vector<std::string>{"A", "AAAA"} : given;
  }
};

class DnsSet : public DnsAction {
 public:
  explicit DnsSet(const boost::json::object& given) : DnsAction(given) {
    if (types().empty()) throw Failure("dns.set needs A, AAAA or both.");
    for (std::string_view type : {"A", "AAAA"}) addresses_of(texts_param(params(), type), type);
  }

 protected:
  DnsRecordSet wanted_set(const DnsRecordSet& now, const std::string& type) const override {
    return set_of(now, addresses_of(texts_param(params(), type), type));
  }
  std::vector<std::string> types() const override {
    std::vector<std::string> given;
    for (const char* type : {"A", "AAAA"}) {
      if (!texts_param(params(), type).empty()) given.emplace_back(type);
    }
    return given;
  }
};

/// dns.add and dns.remove: the address tells the type.
class DnsValues : public DnsAction {
 public:
  explicit DnsValues(const boost::json::object& given) : DnsAction(given) {
    for (const std::string& value : texts_param(params(), "values")) {
      if (type_of_address(value).empty())
        throw Failure(fmt::format("\"{}\" is neither an IPv4 nor an IPv6 address.", value));
    }
  }

 protected:
  std::vector<std::string> values(std::string_view type) const {
    std::vector<std::string> of_type;
    for (const std::string& value : texts_param(params(), "values")) {
      if (type_of_address(value) == type) of_type.push_back(value);
    }
    return addresses_of(of_type, type);
  }
  std::vector<std::string> types() const override {
    std::vector<std::string> given;
    for (const char* type : {"A", "AAAA"}) {
      if (!values(type).empty()) given.emplace_back(type);
    }
    return given;
  }
};

class DnsAdd : public DnsValues {
 public:
  using DnsValues::DnsValues;

 protected:
  DnsRecordSet wanted_set(const DnsRecordSet& now, const std::string& type) const override {
    std::vector<std::string> all = now.values;
    for (const std::string& value : values(type)) all.push_back(value);
    return set_of(now, std::move(all));
  }
};

class DnsRemove : public DnsValues {
 public:
  using DnsValues::DnsValues;

 protected:
  DnsRecordSet wanted_set(const DnsRecordSet& now, const std::string& type) const override {
    std::vector<std::string> gone = values(type), left;
    for (const std::string& value : now.values) {
      if (std::find(gone.begin(), gone.end(), value) == gone.end()) left.push_back(value);
    }
    return left.empty() ? DnsRecordSet{} : set_of(now, std::move(left));
  }
};

ActionSchema schema(std::string_view name, std::string_view summary, std::vector<Field> fields, std::string_view undo,
                    std::string_view example) {
  ActionSchema made;
  made.name = name;
  made.summary = summary;
  made.placement = Placement::controller;
  made.fields = {{"names", FieldType::names, true, "the names whose records change", {}}};
  made.fields.insert(made.fields.end(), fields.begin(), fields.end());
  made.fields.push_back({"server", FieldType::text, false, "the name server to talk to, instead of the plan's", {}});
  made.undo = undo;
  made.example = example;
  return made;
}

}  // namespace

std::vector<ActionSchema> dns_schemas() {
  Field ttl{"ttl",
            FieldType::duration,
            false,
            "how long others may remember the records; left out: as it is, 1h for new ones",
            {}};
  Field values{"values", FieldType::texts, true, "IPv4 and IPv6 addresses", {}};
  std::vector<ActionSchema> schemas = {
      schema("dns.ttl", "Changes how long others may remember records.",
             {{"types", FieldType::texts, false, "A, AAAA or both, which is the default", {}},
              {"ttl", FieldType::duration, true, "the new TTL, in whole seconds", {}}},
             "puts the old TTLs back", "dns.ttl: { names: [example.org], ttl: 1h }"),
      schema("dns.set", "Puts these addresses in place of those that the names have.",
             {{"A", FieldType::texts, false, "the IPv4 addresses; left out: unchanged", {}},
              {"AAAA", FieldType::texts, false, "the IPv6 addresses; left out: unchanged", {}},
              ttl},
             "puts the old record sets back, with their TTLs",
             "dns.set: { names: [example.org], A: [198.51.100.20], AAAA: [\"2001:db8::20\"], ttl: 5m }"),
      schema("dns.add", "Adds addresses to names.", {values, ttl}, "puts the old record sets back, with their TTLs",
             "dns.add: { names: [cdn.example.org], values: [203.0.113.5] }"),
      schema("dns.remove", "Takes addresses away from names.", {values},
             "puts the old record sets back, with their TTLs",
             "dns.remove: { names: [cdn.example.org], values: [203.0.113.5, 203.0.113.6] }"),
  };
  return schemas;
}

std::unique_ptr<Action> make_dns(std::string_view action, const boost::json::object& params, const std::string&) {
  if (action == "dns.ttl") return std::make_unique<DnsTtl>(params);
  if (action == "dns.set") return std::make_unique<DnsSet>(params);
  if (action == "dns.add") return std::make_unique<DnsAdd>(params);
  return std::make_unique<DnsRemove>(params);
}

}  // namespace migrate
