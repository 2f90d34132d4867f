#include "plans/duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace migrate {
namespace {

constexpr std::int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr std::int64_t longest = 3660 * day;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> units{{{"d", day}, {"h", hour}, {"m", minute}, {"s", second}, {"ms", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes leading characters that satisfy `belongs` off `text`.
template <typename Belongs>
std::string_view take_while(std::string_view& text, Belongs belongs) {
  auto end = std::find_if_not(text.begin(), text.end(), belongs);
  std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  auto next_unit = units.begin();
  while (!text.empty()) {
    auto number = parse_integer(take_while(text, is_digit));
    std::string_view name = take_while(text, [](char c) { return !is_digit(c); });
    auto unit = std::find_if(next_unit, units.end(), [&](const Unit& each) { return each.name == name; });
    if (!number || unit == units.end() || *number > longest / unit->milliseconds) return std::nullopt;
    total += *number * unit->milliseconds;
    if (total > longest) return std::nullopt;
    next_unit = unit + 1;
  }
  return std::chrono::milliseconds(total);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  auto number = parse_integer(take_while(text, is_digit));
  if (!number || text.size() > 1) return std::nullopt;
  constexpr std::string_view letters = "KMGT";
  std::size_t power = text.empty() ? 0 : letters.find(text.front()) + 1;
  if (!text.empty() && power == 0) return std::nullopt;
  std::int64_t factor = std::int64_t{1} << (10 * power);
  if (*number > INT64_MAX / factor) return std::nullopt;
  return *number * factor;
}

bool is_mode(std::string_view text) {
  auto octal = [](char c) { return c >= '0' && c <= '7'; };
  return (text.size() == 3 || text.size() == 4) && std::all_of(text.begin(), text.end(), octal);
}

std::string for_people(std::chrono::milliseconds duration) {
  std::int64_t ms = duration.count();
  if (ms < 0) return "-" + for_people(-duration);
  if (ms < second) return fmt::format("{} ms", ms);
  if (ms < 10 * second && ms % second >= 100) return fmt::format("{}.{} s", ms / second, ms % second / 100);
  if (ms < minute) return fmt::format("{} s", ms / second);
  if (ms < hour) return fmt::format("{} min {:02} s", ms / minute, ms % minute / second);
  if (ms < day) return fmt::format("{} h {:02} min", ms / hour, ms % hour / minute);
  return fmt::format("{} d {} h", ms / day, ms % day / hour);
}

}  // namespace migrate
