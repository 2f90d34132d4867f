#include "plans/expression_tokens.h"

#include <algorithm>

namespace migrate {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;  // of a name that no plan has, but it shall be told as a whole
}

/// Bytes of the literal that begins with a quote, doubled quotes inside; 0 when it isn't closed.
std::size_t literal_length(std::string_view rest) {
  for (std::size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] != '\'') continue;
    bool doubled = at + 1 < rest.size() && rest[at + 1] == '\'';
    if (!doubled) return at + 1;
    ++at;
  }
  return 0;
}

ExpressionToken next_token(std::string_view rest) {
  using Kind = ExpressionToken::Kind;
  if (rest.front() == '\'') {
    std::size_t length = literal_length(rest);
    return {length == 0 ? Kind::unknown : Kind::literal, rest.substr(0, std::max<std::size_t>(length, 1))};
  }
  for (std::string_view symbol : {"==", "!=", "&&", "||", "!", "(", ")", ","})
    if (rest.starts_with(symbol)) return {Kind::symbol, rest.substr(0, symbol.size())};
  auto end = std::find_if_not(rest.begin(), rest.end(), is_word_character);
  if (end == rest.begin()) return {Kind::unknown, rest.substr(0, 1)};
  return {Kind::word, rest.substr(0, static_cast<std::size_t>(end - rest.begin()))};
}

}  // namespace

std::vector<ExpressionToken> tokenize(std::string_view source) {
  std::vector<ExpressionToken> tokens;
  std::size_t at = source.find_first_not_of(" \t\n");
  while (at != std::string_view::npos) {
    ExpressionToken token = next_token(source.substr(at));
    token.offset = at;
    tokens.push_back(token);
    at = source.find_first_not_of(" \t\n", at + token.text.size());
  }
  tokens.push_back({ExpressionToken::Kind::end, {}, source.size()});
  return tokens;
}

}  // namespace migrate
