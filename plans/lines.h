// The lines of a text: from a Position to its bytes and back.
#pragma once

#include "plans/value.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace migrate {

/// A view: the text must outlive it.
class Lines {
 public:
  explicit Lines(std::string_view text);

  /// The line with that number (from 1), without its end; "" when there is none.
  std::string_view line(int number) const;
  /// The byte that stands at `at`; the text's size when `at` lies behind its end.
  std::size_t offset(Position at) const;
  Position position(std::size_t offset) const;
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

}  // namespace migrate
