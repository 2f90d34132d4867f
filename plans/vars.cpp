// The sections `vars` and `secrets`.
#include "plans/fields.h"
#include "plans/head.h"
#include "plans/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace migrate {
namespace {

/// A list on the command line: --var sites=a,b
std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

Variable given_variable(const std::string& text, bool is_list) {
  Variable variable;
  variable.is_list = is_list;
  if (is_list)
    variable.texts = split_at_commas(text);
  else
    variable.text = text;
  return variable;
}

Variable declared_variable(Draft& draft, const Value::Entry& entry) {
  Variable variable;
  if (entry.value.is_null()) {
    draft.error_at_key(entry, fmt::format("the variable {} has no value", in_quotes(entry.key)),
                       fmt::format("give it one with --var {}=...", entry.key));
    variable.broken = true;
  } else if (entry.value.is_list()) {
    auto texts = read_texts(draft, entry.value);
    variable.is_list = true;
    variable.broken = !texts;
    if (texts) variable.texts = std::move(*texts);
  } else {
    auto text = read_text(draft, entry.value, "a text or a list of texts");
    variable.broken = !text;
    if (text) variable.text = std::move(*text);
  }
  return variable;
}

void check_given_vars(Draft& draft) {
  for (const auto& [name, text] : draft.input.vars) {
    if (draft.scope.vars.contains(name)) continue;
    std::string hint = did_you_mean(name, key_names(draft.scope.vars));
    draft.error({}, fmt::format("--var {}: the plan has no variable of that name", in_quotes(name)),
                hint.empty() ? "declare it under \"vars:\"" : hint);
  }
}

std::string resolved_path(const Draft& draft, const std::string& path) {
  namespace fs = std::filesystem;
  if (path == "~" || path.starts_with("~/")) {
    auto home = draft.scope.environment("HOME");
    return (fs::path(home.value_or("/root")) / fs::path(path.substr(std::min<std::size_t>(path.size(), 2)))).string();
  }
  std::error_code ignored;  // without a current folder the path stays relative, and opening it will say so
  fs::path absolute = fs::absolute(fs::path(draft.input.file).parent_path() / path, ignored);
  return absolute.empty() ? path : absolute.lexically_normal().string();
}

std::optional<Secret> read_source(Draft& draft, const Value::Entry& entry) {
  if (!check_keys(draft, entry.value, "a secret", {"file", "env"}, {"command"})) return std::nullopt;
  const Value::Entry* file = entry.value.find("file");
  const Value::Entry* environment = entry.value.find("env");
  if (entry.value.find("command")) return std::nullopt;
  if ((file != nullptr) == (environment != nullptr)) {
    draft.error_at_key(entry, "a secret has one source", "{ file: PATH } or { env: NAME }");
    return std::nullopt;
  }
  auto source = read_sentence(draft, (file ? file : environment)->value, file ? "a path" : "a variable's name");
  if (!source) return std::nullopt;
  Secret secret;
  secret.name = entry.key;
  if (file)
    secret.file = resolved_path(draft, *source);
  else
    secret.environment = *source;
  return secret;
}

}  // namespace

void read_vars(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("vars");
  if (section && !section->value.is_map()) draft.expected(section->value, "vars (a map)");
  static const Value nothing;
  for (const Value::Entry& entry : (section ? section->value : nothing).entries) {
    if (!check_name(draft, entry)) continue;
    auto given = draft.input.vars.find(entry.key);
    bool is_given = given != draft.input.vars.end();
    Variable variable =
        is_given ? given_variable(given->second, entry.value.is_list()) : declared_variable(draft, entry);
    draft.plan.vars[entry.key] = variable.is_list ? fmt::format("{}", fmt::join(variable.texts, ",")) : variable.text;
    draft.scope.vars.emplace(entry.key, std::move(variable));
  }
  check_given_vars(draft);
}

void read_secrets(Draft& draft, const Value& plan) {
  const Value::Entry* section = plan.find("secrets");
  if (!section) return;
  if (!section->value.is_map()) return draft.expected(section->value, "secrets (a map)");
  for (const Value::Entry& entry : section->value.entries) {
    if (!check_name(draft, entry)) continue;
    draft.scope.secrets.insert(entry.key);
    if (auto secret = read_source(draft, entry)) draft.plan.secrets.emplace(entry.key, std::move(*secret));
  }
}

}  // namespace migrate
