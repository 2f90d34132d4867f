#include "steps/base64.h"

#include <stdexcept>

namespace migrate {

namespace {

int six_bits(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  throw std::runtime_error("No base64: an unexpected character");
}

}  // namespace

std::string from_base64(std::string_view text) {
  if (text.size() % 4 != 0) throw std::runtime_error("No base64: cut off");
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned collected = 0;
  int bits = 0;
  for (char c : text) {
    collected = collected << 6 | static_cast<unsigned>(six_bits(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(collected >> bits & 0xFF);
  }
  return bytes;
}

}  // namespace migrate
