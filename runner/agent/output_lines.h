// One output stream of a program: its tail, and its lines as they come.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace migrate {

class OutputLines {
 public:
  static constexpr std::size_t tail_size = 1u << 20;
  static constexpr std::size_t longest_line = 64u << 10;  // longer ones are cut into pieces

  /// `on_line` may be empty. It gets valid UTF-8 without the line's end.
  explicit OutputLines(std::function<void(std::string_view)> on_line);
  void add(std::string_view bytes);
  /// Gives the last line if it had no end, and returns the last tail_size bytes of all, as they were.
  std::string finish();

 private:
  void give(std::string_view line) const;

  std::function<void(std::string_view)> on_line_;
  std::string tail_;
  std::string begun_;  // a line that has not ended
};

}  // namespace migrate
