// The words of an expression.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace migrate {

struct ExpressionToken {
  enum class Kind { word, literal, symbol, unknown, end };
  Kind kind = Kind::end;
  std::string_view text;   // as written; a literal with its quotes
  std::size_t offset = 0;  // in the source
};

/// Always ends with a token of kind end. A word is a dotted name or a number.
std::vector<ExpressionToken> tokenize(std::string_view source);

}  // namespace migrate
