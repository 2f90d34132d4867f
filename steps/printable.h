// Bytes that came from files and programs, made fit for JSON and for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace migrate {

/// Valid UTF-8 without control characters but newline and tab: those and broken bytes become \xNN.
std::string printable(std::string_view bytes);

/// The last `count` lines that aren't empty, each behind `indent`, printable; no newline at the end.
std::string last_lines(std::string_view text, std::size_t count, std::string_view indent);

}  // namespace migrate
