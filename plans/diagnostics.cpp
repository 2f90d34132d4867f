#include "plans/diagnostics.h"

#include "plans/excerpt.h"
#include "plans/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace migrate {
namespace {

std::string located(const std::string& file, const Diagnostic& found) {
  std::string_view severity = found.severity == Diagnostic::Severity::warning ? "warning: " : "";
  if (found.at.line == 0) return fmt::format("{}: {}{}", file, severity, found.message);
  return fmt::format("{}:{}:{}: {}{}", file, found.at.line, found.at.column, severity, found.message);
}

}  // namespace

Diagnostics::Diagnostics(std::string file, std::string text) : file_(std::move(file)), text_(std::move(text)) {}

void Diagnostics::error(Position at, std::string message, std::string hint, int length) {
  found_.push_back({Diagnostic::Severity::error, at, length, std::move(message), std::move(hint)});
}

void Diagnostics::warning(Position at, std::string message, std::string hint, int length) {
  found_.push_back({Diagnostic::Severity::warning, at, length, std::move(message), std::move(hint)});
}

bool Diagnostics::has_errors() const {
  return std::any_of(found_.begin(), found_.end(),
                     [](const Diagnostic& found) { return found.severity == Diagnostic::Severity::error; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> sorted = found_;
  auto place = [](const Diagnostic& found) { return std::tie(found.at.line, found.at.column); };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  // The same value can be read twice, by an alias: what is wrong with it is said once.
  auto same = [](const Diagnostic& a, const Diagnostic& b) { return a.at == b.at && a.message == b.message; };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());
  return sorted;
}

std::string Diagnostics::render() const {
  Lines lines(text_);
  std::string text;
  for (const Diagnostic& found : sorted()) {
    text += located(file_, found) + "\n";
    if (found.at.line == 0) {
      if (!found.hint.empty()) text += fmt::format("      {}\n", found.hint);
      continue;
    }
    std::string number = std::to_string(found.at.line);
    Excerpt excerpt = excerpt_of(lines.line(found.at.line), found.at.column, found.length);
    std::size_t gutter = std::max<std::size_t>(5, number.size());
    text += fmt::format("{:>{}} | {}\n", number, gutter, excerpt.line);
    text += fmt::format("{:>{}} | {}{}{}\n", "", gutter, excerpt.carets, found.hint.empty() ? "" : " ", found.hint);
  }
  return text;
}

}  // namespace migrate
