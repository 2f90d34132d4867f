#include "plans/shell_state.h"

namespace migrate {

void ShellQuotes::feed(std::string_view text) {
  for (char c : text) {
    feed(c);
    last_ = c;
  }
}

void ShellQuotes::feed(char c) {
  if (escaped_) {
    escaped_ = false;
    return;
  }
  if (open_ == '#') {
    if (c == '\n') open_ = 0;
    return;
  }
  if (c == '\\' && open_ != '\'') {
    escaped_ = true;
    return;
  }
  if (open_ != 0) {
    if (c == open_) open_ = 0;
    return;
  }
  bool begins_word = std::string_view(" \t\n;&|(").find(last_) != std::string_view::npos;
  if (c == '\'' || c == '"' || (c == '#' && begins_word)) open_ = c;
}

}  // namespace migrate
