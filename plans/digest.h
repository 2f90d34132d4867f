// Digests and base64: the one place in this room that sees OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

/// SHA-256, 64 hex digits in lower case.
std::string sha256_hex(std::string_view bytes);

std::string to_base64(std::string_view bytes);

}  // namespace migrate
