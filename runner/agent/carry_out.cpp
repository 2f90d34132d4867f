#include "runner/agent/carry_out.h"

#include "plans/utf8.h"
#include "runner/agent/mask.h"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <new>
#include <utility>

namespace migrate {
namespace {

void do_verb(const Job& job, const Action& action, System& system, Outcome& outcome) {
  switch (job.verb) {
    case Verb::probe:
      outcome.state = to_json(action.probe(system));
      break;
    case Verb::apply:
      outcome.outputs = action.apply(system, state_from_json(job.before));
      if (!job.then_verify) break;
      outcome.applied = true;
      action.verify(system, state_from_json(job.before), outcome.outputs);
      outcome.verified = true;
      break;
    case Verb::verify:
      action.verify(system, state_from_json(job.before), job.outputs);
      break;
    case Verb::undo:
      action.undo(system, state_from_json(job.before));
      break;
  }
}

/// A state travels as it is, or undo would write back something else than it found.
void refuse_bytes_in(const boost::json::object& state) {
  if (find_invalid_utf8(boost::json::serialize(state)) == std::string_view::npos) return;
  throw Failure(
      "What was found cannot be recorded: it holds bytes that are no valid UTF-8, in a place where text belongs.");
}

Outcome attempt(const Job& job, System& system, const ActionFactory& make) {
  Outcome outcome;
  try {
    do_verb(job, *make(job.action, job.params, job.role), system, outcome);
    refuse_bytes_in(outcome.state);
    return outcome;
  } catch (const Failure& failure) {
    outcome.error = failure.what();
    outcome.command = failure.command();
    outcome.exit_code = failure.exit_code();
  } catch (const std::bad_alloc&) {
    outcome.error = "The job ran out of memory.";
  } catch (const std::exception& error) {
    outcome.error = std::string(error.what());
  } catch (...) {
    outcome.error = "The action " + job.action + " ended with an error that it did not describe.";
  }
  outcome.kind = Outcome::Kind::failed;
  outcome.state.clear();
  if (!outcome.applied) outcome.outputs.clear();
  return outcome;
}

void make_presentable(Outcome& outcome, const Mask& mask) {
  outcome.error = mask(std::move(outcome.error));
  outcome.command = mask(std::move(outcome.command));
  boost::json::value outputs(std::move(outcome.outputs));
  mask.apply_to(outputs);
  outcome.outputs = std::move(outputs.as_object());
}

}  // namespace

Outcome carry_out(const Job& job, System& system, const ActionFactory& make) {
  const auto begun = std::chrono::steady_clock::now();
  Outcome outcome = attempt(job, system, make);
  make_presentable(outcome, Mask(job.masked));
  const auto took = std::chrono::steady_clock::now() - begun;
  outcome.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  return outcome;
}

}  // namespace migrate
