// How one place in a line is shown to a person: the line, cut where it is very long, and the carets under it.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

struct Excerpt {
  std::string line;    // safe for a terminal: tabs widened, control characters and broken UTF-8 shown as "?"
  std::string carets;  // as many blanks and "^" as bring them under the place
};

/// `column` counts bytes from 1, `length` is in bytes; the carets end with the line at the latest.
Excerpt excerpt_of(std::string_view line, int column, int length);

/// `text` in double quotes for a message: one line, at most about 60 characters, nothing that a terminal obeys.
std::string in_quotes(std::string_view text);

}  // namespace migrate
