// Where in a shell text one stands.
#pragma once

#include <string_view>

namespace migrate {

/// Follows the quotes of a POSIX shell text that comes in pieces. Comments are skipped; here-documents are not known.
class ShellQuotes {
 public:
  void feed(std::string_view text);
  /// Whether what comes next stands inside of '...' or "...".
  bool inside() const { return open_ == '\'' || open_ == '"'; }

 private:
  void feed(char c);

  char open_ = 0;         // the quote that is open, '#' in a comment, or 0
  bool escaped_ = false;  // by a backslash just before
  char last_ = ' ';
};

}  // namespace migrate
