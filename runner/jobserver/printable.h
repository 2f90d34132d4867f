// Text of strangers, for a line of a log or of a listing.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

/// Line ends, ESC and all other control characters as \xNN: one line stays one line, and a terminal obeys nobody.
std::string escaped(std::string_view text);

/// For a field of a listing of the text protocol: control characters become '?', and blanks '_' where `blanks` is
/// false.
std::string listed(std::string_view text, bool blanks = false);

}  // namespace migrate
