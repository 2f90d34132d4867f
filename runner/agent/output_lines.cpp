#include "runner/agent/output_lines.h"

#include "runner/wire/utf8.h"

#include <utility>

namespace migrate {

OutputLines::OutputLines(std::function<void(std::string_view)> on_line) : on_line_(std::move(on_line)) {}

void OutputLines::add(std::string_view bytes) {
  tail_ += bytes;
  if (tail_.size() > 2 * tail_size) tail_.erase(0, tail_.size() - tail_size);
  if (!on_line_) return;
  begun_ += bytes;
  std::size_t begin = 0;
  for (;;) {
    const auto end = begun_.find('\n', begin);
    const auto size = (end == std::string::npos ? begun_.size() : end) - begin;
    if (size > longest_line) {
      give(std::string_view(begun_).substr(begin, longest_line));
      begin += longest_line;
    } else if (end != std::string::npos) {
      give(std::string_view(begun_).substr(begin, size));
      begin = end + 1;
    } else {
      break;
    }
  }
  begun_.erase(0, begin);
}

std::string OutputLines::finish() {
  if (!begun_.empty()) give(begun_);
  begun_.clear();
  if (tail_.size() > tail_size) tail_.erase(0, tail_.size() - tail_size);
  return std::exchange(tail_, {});
}

void OutputLines::give(std::string_view line) const {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  on_line_(valid_utf8(line));
}

}  // namespace migrate
