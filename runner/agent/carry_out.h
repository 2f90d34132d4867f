// A job's verb, carried out: from Job to Outcome. Runs in the job's own process.
#pragma once

#include "runner/wire/job.h"
#include "steps/action.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace migrate {

/// make_action() of the catalogue, or a test's own.
using ActionFactory = std::function<std::unique_ptr<Action>(std::string_view name, const boost::json::object& params,
                                                            const std::string& role)>;

/// Never throws: whatever the action throws is Outcome::Kind::failed. Secrets are masked in errors, commands and
/// outputs.
Outcome carry_out(const Job& job, System& system, const ActionFactory& make);

}  // namespace migrate
