#include "plans/expression_names.h"

#include "plans/diagnostics.h"
#include "plans/excerpt.h"

#include <algorithm>
#include <array>

namespace migrate {
namespace {

using Kind = ExpressionValue::Kind;

template <typename Named>
std::vector<std::string_view> names_of(const std::map<std::string, Named>& all) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : all) names.emplace_back(name);
  return names;
}

ExpressionFault undefined(std::string_view what, std::string_view word, std::size_t offset,
                          const std::vector<std::string_view>& known) {
  std::string hint = did_you_mean(word, known);
  return {offset, word.size(), "undefined " + std::string(what) + " " + in_quotes(word), hint};
}

ExpressionValue variable(std::string_view word, std::size_t offset, const Scope& scope) {
  auto found = scope.vars.find(std::string(word));
  if (found == scope.vars.end()) throw undefined("variable", word, offset, names_of(scope.vars));
  const Variable& value = found->second;
  if (value.broken) throw ExpressionFault{offset, word.size(), ""};
  return {value.is_list ? Kind::list : Kind::text, value.text, value.texts};
}

ExpressionValue secret(std::string_view word, std::size_t offset, const Scope& scope) {
  if (!scope.secrets.contains(std::string(word)))
    throw undefined("secret", word, offset, {scope.secrets.begin(), scope.secrets.end()});
  return {Kind::secret, std::string(word), {}};
}

ExpressionValue host_field(std::string_view rest, std::size_t offset, const Scope& scope) {
  if (!scope.has_hosts) throw ExpressionFault{0, offset + rest.size(), "hosts are not known here yet"};
  std::size_t dot = rest.rfind('.');
  std::string_view host = rest.substr(0, dot);
  auto found = scope.addresses.find(std::string(host));
  if (found == scope.addresses.end()) {
    if (scope.addresses.contains(std::string(rest)))
      dot = std::string_view::npos, host = rest;
    else
      throw undefined("host", host, offset, names_of(scope.addresses));
  }
  std::string_view field = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  if (field == "address") return {Kind::text, found->second, {}};
  throw ExpressionFault{offset, rest.size(), "a host has one field that can be read: address",
                        "write hosts." + std::string(host) + ".address"};
}

void refuse_root(std::string_view root) {
  constexpr std::array<std::string_view, 3> later{"item", "steps", "run"};
  if (std::find(later.begin(), later.end(), root) != later.end())
    throw ExpressionFault{0, root.size(), in_quotes(root) + " in ${{ }} is not yet supported"};
  std::string hint = did_you_mean(root, {"vars", "secrets", "hosts", "env"});
  if (hint.empty()) hint = "names begin with vars, secrets, hosts or env; texts stand in 'quotes'";
  throw ExpressionFault{0, root.size(), "unknown name " + in_quotes(root), hint};
}

}  // namespace

std::optional<ExpressionValue> look_up(std::string_view name, const Scope& scope) {
  std::size_t dot = name.find('.');
  std::string_view root = name.substr(0, dot);
  bool known = root == "vars" || root == "secrets" || root == "hosts" || root == "env";
  if (!known) refuse_root(root);
  std::size_t offset = dot == std::string_view::npos ? name.size() : dot + 1;
  std::string_view rest = name.substr(offset);
  if (rest.empty())
    throw ExpressionFault{0, root.size(), "a name is missing after " + in_quotes(root),
                          "write " + std::string(root) + ".NAME"};
  if (root == "vars") return variable(rest, offset, scope);
  if (root == "secrets") return secret(rest, offset, scope);
  if (root == "hosts") return host_field(rest, offset, scope);
  auto found = scope.environment ? scope.environment(std::string(rest)) : std::nullopt;
  if (!found) return std::nullopt;
  return ExpressionValue{Kind::text, *found, {}};
}

}  // namespace migrate
