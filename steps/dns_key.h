// TSIG keys as people keep them: in the form of BIND's key files, or in one line.
#pragma once

#include "steps/system.h"

#include <string>

namespace migrate {

/// `text` is `key "NAME" { algorithm hmac-sha256; secret "BASE64"; };` (comments are fine), `hmac-sha256:NAME:BASE64`
/// or `NAME:BASE64` (then hmac-sha256). Throws Failure, which never shows any of the text, when it is none of these.
DnsKey parse_dns_key(const std::string& text);

}  // namespace migrate
