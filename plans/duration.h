// Durations, sizes and modes as people write them, and durations as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace migrate {

/// 90s, 10m, 4h, 7d, 1h30m, 500ms: whole numbers, each with a unit, units from large to small. At most ten years.
/// nullopt for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// 20M, 4G, 512K, 1T (powers of 1024) or a number of bytes. nullopt for anything else.
std::optional<std::int64_t> parse_size(std::string_view text);

/// Three or four octal digits: 640, 0640, 2755.
bool is_mode(std::string_view text);

/// Whole numbers, with a sign; nullopt when it is none or does not fit.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// "350 ms", "2.4 s", "12 s", "8 min 03 s", "1 h 05 min", "2 d 4 h".
std::string for_people(std::chrono::milliseconds duration);

}  // namespace migrate
