#include "plans/lines.h"

#include <algorithm>

namespace migrate {

Lines::Lines(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    starts_.push_back(at + 1);
}

std::string_view Lines::line(int number) const {
  if (number < 1 || static_cast<std::size_t>(number) > starts_.size()) return {};
  std::size_t begin = starts_[number - 1];
  std::string_view rest = text_.substr(begin);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

std::size_t Lines::offset(Position at) const {
  if (at.line < 1) return 0;
  if (static_cast<std::size_t>(at.line) > starts_.size()) return text_.size();
  return std::min(text_.size(), starts_[at.line - 1] + static_cast<std::size_t>(std::max(at.column, 1) - 1));
}

Position Lines::position(std::size_t offset) const {
  auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  auto line = next - starts_.begin();
  return {static_cast<int>(line), static_cast<int>(offset - starts_[line - 1]) + 1};
}

}  // namespace migrate
