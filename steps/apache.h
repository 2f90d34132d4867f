// What apache.switch and apache.modules have in common.
#pragma once

#include "steps/system.h"

#include <functional>
#include <string>

namespace migrate {

inline const std::string apache_unit = "apache2";

/// Reads only. Failure "... is not valid:" with Apache's own words.
void apache_configtest(System& system, const std::string& what);

/// A graceful reload; a restart when Apache refuses that. Afterwards it is up, or there is a Failure.
void reload_apache(System& system);

/// Does `change`. When that fails, does `take_back` at once and throws the failure with a sentence on how that went.
void change_or_take_back(const std::function<void()>& change, const std::function<void()>& take_back);

}  // namespace migrate
