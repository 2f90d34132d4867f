// What resources are: the currency between probe, plan, journal and undo.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <map>
#include <string>

namespace migrate {

/// Resource -> what it is. Keys: `file:/etc/cron.d/x`, `service:apache2`, `pg:libravatar`, `dns:libravatar.test/A`,
/// `tree:/var/lib/x`. A value of null means: it isn't there. Values hold only what is stable while nobody changes the
/// resource (no pids, no "since"), so that two states can be compared for equality.
using State = std::map<std::string, boost::json::value>;

boost::json::object to_json(const State& state);
/// Throws std::runtime_error when `value` is no object.
State state_from_json(const boost::json::value& value);

/// `base` with every resource of `over` in place of its own.
State overlaid(State base, const State& over);

/// Whether what was found is what plan() predicted. A prediction may leave out members that nobody can know beforehand
/// (a new file's mtime); null and "not mentioned" are the same.
bool agrees(const State& predicted, const State& found);

/// For people: each resource in which the two differ, as `service:apache2: active -> inactive` lines.
std::string difference(const State& expected, const State& found);

}  // namespace migrate
