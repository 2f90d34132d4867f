// A word for a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace migrate {

/// `word` so that sh takes it as exactly that one word: as it is when it is harmless, else in 'single quotes'.
std::string shell_quote(std::string_view word);

}  // namespace migrate
