#include "steps/printable.h"

#include "plans/utf8.h"

#include <fmt/format.h>

#include <vector>

namespace migrate {

std::string printable(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    Utf8Character character = next_utf8(bytes, at);
    bool control = (character.code < 0x20 && character.code != '\n' && character.code != '\t') ||
                   (character.code >= 0x7F && character.code < 0xA0);
    if (character.code == invalid_utf8 || control) {
      for (char byte : bytes.substr(at, character.length)) {
        text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      text += bytes.substr(at, character.length);
    }
    at += character.length;
  }
  return text;
}

std::string last_lines(std::string_view text, std::size_t count, std::string_view indent) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < count) {
    std::size_t newline = text.rfind('\n');
    std::string_view line = newline == std::string_view::npos ? text : text.substr(newline + 1);
    if (!line.empty()) lines.push_back(line);
    text = newline == std::string_view::npos ? std::string_view() : text.substr(0, newline);
  }
  std::string joined;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!joined.empty()) joined += "\n";
    joined += std::string(indent) + printable(*line);
  }
  return joined;
}

}  // namespace migrate
