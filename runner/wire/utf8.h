// Text that other programs wrote, made fit for JSON and for people.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

/// `text` with each byte that is not part of valid UTF-8 replaced by U+FFFD. Control characters are kept.
std::string valid_utf8(std::string_view text);

}  // namespace migrate
