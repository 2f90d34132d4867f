// What the two seats of a step say to each other beside the data: notes, and failures.
#pragma once

#include "steps/system.h"

#include <boost/json/object.hpp>

#include <string>

namespace migrate {

void send_note(Pipe& pipe, const boost::json::object& note);

/// The next frame, which must be a note. Throws Failure with the other side's sentence, or for anything else.
boost::json::object receive_note(Pipe& pipe);

/// Tells the other side; a pipe that is gone is no further failure.
void tell_failure(Pipe& pipe, const std::string& sentence) noexcept;

/// Does `work`; the other side is told when it fails.
template <class Work>
auto telling_failures(Pipe& pipe, const Work& work) {
  try {
    return work();
  } catch (const Failure& failure) {
    tell_failure(pipe, failure.what());
    throw;
  }
}

}  // namespace migrate
