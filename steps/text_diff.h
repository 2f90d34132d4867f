// What changes in a small text file, line by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

/// A unified diff without its two file lines: "@@ -3,5 +3,6 @@", then lines behind ' ', '-' and '+'; two lines of
/// context. Files that are binary or have too many lines, and diffs longer than 60 lines, are summed up in a sentence.
std::vector<std::string> unified_diff(std::string_view before, std::string_view after);

}  // namespace migrate
