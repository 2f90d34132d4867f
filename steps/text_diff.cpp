#include "steps/text_diff.h"

#include "steps/printable.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {

namespace {

constexpr std::size_t most_lines = 1000;  // the table below has the product of both
constexpr std::size_t longest_diff = 60;
constexpr int context = 2;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

/// One line of the full comparison: ' ' in both, '-' only before, '+' only after.
struct Line {
  char mark;
  std::string_view text;
};

/// By the longest common subsequence: common[i][j] is its length for what follows line i and line j.
std::vector<Line> compared(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<Line> lines;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      lines.push_back({' ', a[i++]});
      ++j;
    } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back({'-', a[i++]});
    } else {
      lines.push_back({'+', b[j++]});
    }
  }
  return lines;
}

/// Which lines are shown: the changed ones and those around them.
std::vector<bool> near_changes(const std::vector<Line>& lines) {
  std::vector<bool> shown(lines.size());
  int count = static_cast<int>(lines.size());
  for (int i = 0; i < count; ++i) {
    if (lines[i].mark == ' ') continue;
    for (int j = std::max(0, i - context); j <= std::min(count - 1, i + context); ++j) shown[j] = true;
  }
  return shown;
}

}  // namespace

std::vector<std::string> unified_diff(std::string_view before, std::string_view after) {
  bool binary = before.find('\0') != before.npos || after.find('\0') != after.npos;
  std::vector<std::string_view> a = lines_of(before), b = lines_of(after);
  if (binary || a.size() > most_lines || b.size() > most_lines) {
    return {fmt::format("content changes: {} -> {} bytes", before.size(), after.size())};
  }
  std::vector<Line> lines = compared(a, b);
  std::vector<bool> shown = near_changes(lines);
  std::vector<std::string> diff;
  std::size_t heading = 0;
  int line_a = 1, line_b = 1, count_a = 0, count_b = 0;
  for (std::size_t i = 0; i <= lines.size(); ++i) {
    bool begins = i < lines.size() && shown[i] && (i == 0 || !shown[i - 1]);
    bool ends = i > 0 && shown[i - 1] && (i == lines.size() || !shown[i]);
    if (ends) {
      // Of a side without lines, the number is that of the line before.
      int first_a = line_a - std::max(count_a, 1), first_b = line_b - std::max(count_b, 1);
      diff[heading] = fmt::format("@@ -{},{} +{},{} @@", first_a, count_a, first_b, count_b);
      count_a = count_b = 0;
    }
    if (begins) {
      heading = diff.size();
      diff.emplace_back();
    }
    if (i == lines.size()) break;
    bool in_a = lines[i].mark != '+', in_b = lines[i].mark != '-';
    line_a += in_a;
    line_b += in_b;
    if (!shown[i]) continue;
    count_a += in_a;
    count_b += in_b;
    diff.push_back(lines[i].mark + printable(lines[i].text));
  }
  if (diff.empty() && before != after) diff.push_back("the newline at the end of the file changes");
  if (diff.size() > longest_diff) {
    std::size_t hidden = diff.size() - longest_diff;
    diff.resize(longest_diff);
    diff.push_back(fmt::format("... and {} more lines", hidden));
  }
  return diff;
}

}  // namespace migrate
