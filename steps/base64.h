// Base64 (RFC 4648, section 4), the way back: to_base64() is in plans/digest.h.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

/// Throws std::runtime_error for what is no base64.
std::string from_base64(std::string_view text);

}  // namespace migrate
