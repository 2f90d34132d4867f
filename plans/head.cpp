#include "plans/head.h"

#include "plans/fields.h"
#include "plans/texts.h"

#include <filesystem>

namespace migrate {
namespace {

std::string name_from_file(const std::string& file) {
  std::string stem = std::filesystem::path(file).stem().string();
  return stem.empty() ? "plan" : stem;
}

}  // namespace

void read_head(Draft& draft, const Value& plan) {
  const Value::Entry* version = plan.find("migrate");
  if (!version)
    draft.error(plan.at, "this plan does not say the version of its language", "begin it with \"migrate: 1\"");
  else if (!version->value.is_scalar() || version->value.text != "1")
    draft.expected(version->value, "1, the version of the plan language");
  draft.plan.name = name_from_file(draft.input.file);
  if (const Value::Entry* name = plan.find("name"))
    if (auto text = read_title(draft, name->value)) draft.plan.name = *text;
  if (const Value::Entry* description = plan.find("description"))
    if (auto text = read_text(draft, description->value)) draft.plan.description = *text;
}

void read_defaults(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("defaults");
  if (!section || !check_keys(draft, section->value, "defaults", {"timeout", "on_failure"},
                              {"unreachable", "retry", "require", "serial", "become", "env", "confirm_within"}))
    return;
  if (const Value::Entry* timeout = section->value.find("timeout"))
    if (auto duration = read_positive_duration(draft, timeout->value)) draft.default_timeout = *duration;
  if (const Value::Entry* on_failure = section->value.find("on_failure"))
    if (auto chosen = read_on_failure(draft, on_failure->value)) draft.default_on_failure = *chosen;
}

void read_dns(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("dns");
  if (!section) return;
  draft.dns_is_broken = true;
  if (!check_keys(draft, section->value, "dns", {"provider", "server", "key"})) return;
  const Value::Entry* provider = section->value.find("provider");
  const Value::Entry* server = section->value.find("server");
  const Value::Entry* key = section->value.find("key");
  bool provider_fits = !provider || read_choice(draft, provider->value, {"rfc2136"});
  if (!server) draft.error_at_key(*section, "dns needs \"server\"", "the name server that takes the updates");
  if (!key) draft.error_at_key(*section, "dns needs \"key\"", "key: ${{ secrets.NAME }}");
  auto address = server ? read_sentence(draft, server->value, "a name server") : std::nullopt;
  if (address && address->find_first_of(" \t\n") != std::string::npos) {
    draft.expected(server->value, "one name server");
    address.reset();
  }
  auto secret = key ? read_secret(draft, key->value) : std::nullopt;
  if (!provider_fits || !address || !secret) return;
  draft.dns = DnsSection{*address, *secret};
  draft.dns_is_broken = false;
}

}  // namespace migrate
