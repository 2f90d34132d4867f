// A pipe's offer as JSON: part of a job's payload and of an agent's message.
#pragma once

#include "steps/system.h"

#include <boost/json/object.hpp>

namespace migrate {

boost::json::object to_json(const PipeOffer& offer);
/// Throws std::runtime_error naming the field that is missing or wrong.
PipeOffer pipe_offer_from_json(boost::json::object object);

}  // namespace migrate
