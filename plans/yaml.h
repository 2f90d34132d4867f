// From YAML text to a Value, with the place of every part.
#pragma once

#include "plans/diagnostics.h"
#include "plans/value.h"

#include <string_view>

namespace migrate {

/// The text's one document. What is wrong goes to `diagnostics`: bad syntax, more than one document, NUL, invalid
/// UTF-8, tags, `<<`, duplicate keys, aliases inside of what they name, and what is beyond the bounds (4 MiB of text,
/// 100 levels, 200,000 nodes, aliases counted as what they stand for). After a duplicate key or `<<` the rest is still
/// there (the first of two keys counts); after any other error the result is of kind null. Never throws for anything in
/// the text.
Value load_yaml(std::string_view text, Diagnostics& diagnostics);

}  // namespace migrate
