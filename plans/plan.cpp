#include "plans/plan.h"

#include <algorithm>
#include <cctype>

namespace migrate {
namespace {

bool same_in_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// Index of the first item that fits; nullopt if there is none.
template <typename Items, typename Fits>
std::optional<int> index_of(const Items& items, Fits fits) {
  auto found = std::find_if(items.begin(), items.end(), fits);
  if (found == items.end()) return std::nullopt;
  return static_cast<int>(found - items.begin());
}

}  // namespace

std::optional<int> Plan::find_step(std::string_view number_or_id) const {
  if (number_or_id.empty()) return std::nullopt;
  return index_of(steps, [&](const Step& step) { return step.number == number_or_id || step.id == number_or_id; });
}

std::optional<int> Plan::find_phase(std::string_view wanted) const {
  if (wanted.empty()) return std::nullopt;
  auto exact = index_of(phases, [&](const Phase& phase) { return phase.number == wanted || phase.id == wanted; });
  if (exact) return exact;
  return index_of(phases, [&](const Phase& phase) { return same_in_any_case(phase.name, wanted); });
}

const Host* Plan::local_host() const {
  auto found = std::find_if(hosts.begin(), hosts.end(), [](const auto& entry) { return entry.second.local; });
  return found == hosts.end() ? nullptr : &found->second;
}

}  // namespace migrate
