// UTF-8, one character at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace migrate {

inline constexpr char32_t invalid_utf8 = 0xFFFFFFFF;

struct Utf8Character {
  char32_t code = invalid_utf8;
  std::size_t length = 1;  // bytes; 1 for a byte that begins no character
};

/// The character at `at`, which lies inside `text`. Overlong forms, surrogates and what is cut off are invalid.
Utf8Character next_utf8(std::string_view text, std::size_t at);

/// The first byte that is no UTF-8; npos when all is well.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace migrate
