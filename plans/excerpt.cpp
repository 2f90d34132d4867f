#include "plans/excerpt.h"

#include "plans/utf8.h"

#include <algorithm>
#include <vector>

namespace migrate {
namespace {

constexpr std::size_t bytes_before = 70;  // of a long line, on each side of the place
constexpr std::size_t bytes_after = 90;
constexpr std::size_t most_quoted = 60;

/// 0 for combining marks, 2 for the wide characters of East Asia and for pictures. Source: Unicode, UAX #11.
int width_of(char32_t c) {
  if (c >= 0x300 && c <= 0x36F) return 0;
  bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
              (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
              (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

bool obeyed_by_terminals(char32_t c) {
  bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  bool direction = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);  // would reorder what is shown
  return control || direction;
}

struct Shown {
  std::string text;
  int width = 0;
};

Shown show(std::string_view character, char32_t code) {
  if (code == U'\t') return {"    ", 4};
  if (code == invalid_utf8 || obeyed_by_terminals(code)) return {"?", 1};
  return {std::string(character), width_of(code)};
}

/// The nearest character's beginning at or before `at`.
std::size_t boundary(std::string_view line, std::size_t at) {
  while (at > 0 && at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

Excerpt excerpt_of(std::string_view line, int column, int length) {
  std::size_t place = std::min(line.size(), static_cast<std::size_t>(std::max(column, 1) - 1));
  std::size_t place_end = place + static_cast<std::size_t>(std::max(length, 1));
  std::size_t begin = place > bytes_before + 30 ? boundary(line, place - bytes_before) : 0;
  std::size_t end = line.size() > place + bytes_after + 30 ? boundary(line, place + bytes_after) : line.size();

  Excerpt excerpt;
  if (begin > 0) excerpt = {"...", "   "};
  int carets = 0;
  for (std::size_t at = begin; at < end;) {
    Utf8Character next = next_utf8(line, at);
    Shown shown = show(line.substr(at, next.length), next.code);
    excerpt.line += shown.text;
    if (at < place) excerpt.carets.append(shown.width, ' ');
    if (at >= place && at < place_end) carets += shown.width;
    at += next.length;
  }
  if (end < line.size()) excerpt.line += "...";
  excerpt.carets.append(std::max(carets, 1), '^');
  return excerpt;
}

std::string in_quotes(std::string_view text) {
  std::string shown = "\"";
  for (std::size_t at = 0; at < text.size();) {
    if (at >= most_quoted) return shown + "...\"";
    Utf8Character next = next_utf8(text, at);
    bool blank = next.code == U'\n' || next.code == U'\t' || next.code == U'\r';
    shown += blank ? std::string(" ") : show(text.substr(at, next.length), next.code).text;
    at += next.length;
  }
  return shown + "\"";
}

}  // namespace migrate
