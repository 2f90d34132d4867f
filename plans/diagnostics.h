// Errors of a plan: collected, never thrown one by one, shown all at once with the line and a caret.
#pragma once

#include "plans/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// One thing that is wrong (or doubtful) in a plan file.
struct Diagnostic {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  Position at;              // {0,0}: about the file as a whole
  int length = 1;           // bytes to underline
  std::string message;      // what is wrong: unknown action "rsnyc"
  std::string hint;         // what to do, written behind the caret: did you mean rsync?
};

/// The diagnostics of one file. Not thread-safe.
class Diagnostics {
 public:
  /// `file` is shown as given; `text` is the file's content, for the quoted lines.
  Diagnostics(std::string file, std::string text);

  void error(Position at, std::string message, std::string hint = {}, int length = 1);
  void warning(Position at, std::string message, std::string hint = {}, int length = 1);

  bool has_errors() const;
  /// In the order of their places in the file.
  std::vector<Diagnostic> sorted() const;
  /// All of them as text, each `file:line:column: message`, the line, a caret and the hint; ends with a newline.
  std::string render() const;
  const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::string text_;
  std::vector<Diagnostic> found_;
};

/// The candidate that `word` was probably meant to be (edit distance, transpositions counted once), or "".
std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates);

/// "did you mean rsync?", or "" when nothing is close.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace migrate
