#include "runner/jobserver/printable.h"

#include <fmt/format.h>

namespace migrate {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_control(c))
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out;
}

std::string listed(std::string_view text, bool blanks) {
  std::string out(text);
  for (char& c : out) {
    if (is_control(c)) c = '?';
    if (c == ' ' && !blanks) c = '_';
  }
  return out;
}

}  // namespace migrate
