// One systemd unit, as service.* and apache.* share it: how it is, and bringing it up or down for certain.
#pragma once

#include "steps/state.h"
#include "steps/system.h"

#include <string>
#include <string_view>

namespace migrate {

/// "service:apache2"; a ".service" at the end of the name is dropped.
std::string service_key(const std::string& unit);

/// {"active": "active" or "inactive", "enabled": systemd's word}. Waits up to 20 s for a unit that is on its way up or
/// down. A failed unit is down as a stopped one is, and nobody can bring a failure back: both are "inactive".
/// Failure for a unit that this host doesn't have.
boost::json::value service_state(System& system, const std::string& unit);

bool is_active(const boost::json::value& state);

/// systemctl start, stop, restart or reload; then waits until the unit is really up (or down). Failure with systemctl's
/// words and the unit's last 10 lines in the system's journal.
void control_service(System& system, std::string_view verb, const std::string& unit);

/// Starts or stops the unit when it isn't as `state` says.
void restore_service(System& system, const std::string& unit, const boost::json::value& state);

}  // namespace migrate
