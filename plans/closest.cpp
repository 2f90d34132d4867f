#include "plans/diagnostics.h"

#include <algorithm>

namespace migrate {
namespace {

constexpr std::size_t longest_word = 64;
constexpr std::size_t most_candidates = 2000;  // a hostile plan must not buy minutes of comparing

/// Insertions, deletions, changes and transpositions of neighbours: the optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + change});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last = last;
    std::swap(last, current);
  }
  return last[b.size()];
}

}  // namespace

std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > longest_word || candidates.size() > most_candidates) return {};
  std::size_t allowed = word.size() <= 2 ? 1 : word.size() <= 5 ? 2 : 3;
  std::string_view best;
  std::size_t best_distance = allowed + 1;
  for (std::string_view candidate : candidates) {
    std::size_t longer = std::max(word.size(), candidate.size()), shorter = std::min(word.size(), candidate.size());
    if (longer - shorter >= best_distance) continue;
    std::size_t found = distance(word, candidate);
    if (found >= best_distance || found >= longer) continue;  // nothing in common is not close
    best = candidate;
    best_distance = found;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view found = closest(word, candidates);
  return found.empty() ? std::string() : "did you mean " + std::string(found) + "?";
}

}  // namespace migrate
