// What stands between `${{` and `}}`: names, 'literals', == != && || !, default(a, b) and raw(a). Pure.
//
//   or      = and { "||" and }
//   and     = compare { "&&" compare }
//   compare = unary [ ("==" | "!=") unary ]
//   unary   = "!" unary | "(" or ")" | literal | name | function "(" or { "," or } ")"
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace migrate {

struct Variable {
  bool is_list = false;
  bool broken = false;  // its own declaration is wrong, which has been said; uses are not errors of their own
  std::string text;
  std::vector<std::string> texts;
};

/// What expressions may read.
struct Scope {
  std::map<std::string, Variable> vars;
  std::map<std::string, std::string> addresses;  // of the hosts, by name
  std::set<std::string> secrets;
  bool has_hosts = false;  // false while the sections above `hosts` are read
  std::function<std::optional<std::string>(const std::string&)> environment;
};

struct ExpressionValue {
  enum class Kind { text, list, boolean, secret };
  Kind kind = Kind::text;
  std::string text;                // text; boolean: "true" or "false"; secret: its name
  std::vector<std::string> texts;  // list
  bool raw = false;                // from raw(): not to be quoted for a shell
};

/// What is wrong, and where in the source. An empty message: it has been said already.
struct ExpressionFault {
  std::size_t offset = 0;
  std::size_t length = 1;
  std::string message;
  std::string hint = {};
};

std::variant<ExpressionValue, ExpressionFault> evaluate(std::string_view source, const Scope& scope);

/// A text in pieces: what stands between `${{ }}`, and the expressions' sources.
struct TextPiece {
  bool is_expression = false;
  std::string_view text;  // an expression's source is without `${{` and `}}`
};
/// nullopt when a `${{` has no `}}`. A `}}` inside of 'quotes' ends nothing.
std::optional<std::vector<TextPiece>> split_text(std::string_view text);

}  // namespace migrate
