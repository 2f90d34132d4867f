// System for real: this machine, from inside a job's process.
#pragma once

#include "runner/wire/job.h"
#include "steps/system.h"

#include <functional>
#include <memory>
#include <string>

namespace migrate {

/// `send` carries output, offers and progress towards the controller (throttled: progress at most ten times a second).
/// `state_folder` is the agent's (keep_folder() lies in it). Values in job.masked are replaced by "****" in all output.
std::unique_ptr<System> make_real_system(const Job& job, const std::string& state_folder,
                                         std::function<void(const JobMessage&)> send);

}  // namespace migrate
