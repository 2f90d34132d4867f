// How a job ended, and what is said while it runs: the agent's half of runner/wire/job.h.
#include "runner/wire/fields.h"
#include "runner/wire/job.h"
#include "runner/wire/pipe_offer.h"
#include "runner/wire/utf8.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

namespace migrate {
namespace {

using OutcomeKind = Outcome::Kind;
constexpr std::array<std::pair<OutcomeKind, std::string_view>, 5> outcome_kinds{{
    {OutcomeKind::done, "done"},
    {OutcomeKind::failed, "failed"},
    {OutcomeKind::interrupted, "interrupted"},
    {OutcomeKind::lost, "lost"},
    {OutcomeKind::refused, "refused"},
}};

constexpr std::int64_t any_number = std::numeric_limits<std::int64_t>::max();

std::string_view kind_text(OutcomeKind kind) {
  for (const auto& [known, text] : outcome_kinds)
    if (known == kind) return text;
  throw std::logic_error(fmt::format("outcome {} has no name", static_cast<int>(kind)));
}

OutcomeKind kind_from_text(std::string_view text) {
  for (const auto& [kind, known] : outcome_kinds)
    if (known == text) return kind;
  throw std::runtime_error(
      fmt::format("an outcome's field \"kind\" is \"{}\", which this program does not know", text));
}

}  // namespace

std::string to_payload(const Outcome& outcome) {
  boost::json::object object{{"kind", kind_text(outcome.kind)}, {"duration_ms", outcome.duration_ms}};
  if (!outcome.state.empty()) object["state"] = outcome.state;
  if (!outcome.outputs.empty()) object["outputs"] = outcome.outputs;
  if (!outcome.error.empty()) object["error"] = valid_utf8(outcome.error);
  if (!outcome.command.empty()) object["command"] = valid_utf8(outcome.command);
  if (outcome.exit_code != 0) object["exit_code"] = outcome.exit_code;
  if (outcome.applied) object["applied"] = true;
  if (outcome.verified) object["verified"] = true;
  if (outcome.from_ledger) object["from_ledger"] = true;
  return boost::json::serialize(object);
}

Outcome outcome_from_payload(std::string_view payload) {
  const Fields fields(payload, "an outcome");
  Outcome outcome;
  outcome.kind = kind_from_text(fields.text("kind"));
  outcome.duration_ms = fields.number_or("duration_ms", 0, any_number, 0);
  outcome.state = fields.object_or_empty("state");
  outcome.outputs = fields.object_or_empty("outputs");
  outcome.error = fields.text_or("error", "");
  outcome.command = fields.text_or("command", "");
  outcome.exit_code = static_cast<int>(
      fields.number_or("exit_code", std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), 0));
  outcome.applied = fields.flag_or("applied", false);
  outcome.verified = fields.flag_or("verified", false);
  outcome.from_ledger = fields.flag_or("from_ledger", false);
  return outcome;
}

std::string to_payload(const JobMessage& message) {
  boost::json::object object;
  switch (message.kind) {
    case JobMessage::Kind::output:
      object = {{"kind", "output"}, {"line", valid_utf8(message.line)}};
      break;
    case JobMessage::Kind::offer:
      object = {{"kind", "offer"}, {"offer", to_json(message.offer)}};
      break;
    case JobMessage::Kind::progress:
      object = {{"kind", "progress"}, {"done", message.done}, {"total", message.total}};
      break;
  }
  return boost::json::serialize(object);
}

JobMessage message_from_payload(std::string_view payload) {
  const Fields fields(payload, "a job's message");
  const std::string kind = fields.text("kind");
  JobMessage message;
  if (kind == "output") {
    message.line = fields.text("line");
  } else if (kind == "offer") {
    message.kind = JobMessage::Kind::offer;
    message.offer = pipe_offer_from_json(fields.object("offer"));
  } else if (kind == "progress") {
    message.kind = JobMessage::Kind::progress;
    message.done = static_cast<std::uint64_t>(fields.number("done", 0, any_number));
    message.total = static_cast<std::uint64_t>(fields.number("total", 0, any_number));
  } else {
    throw std::runtime_error(fmt::format("a job's message is of kind \"{}\", which this program does not know", kind));
  }
  return message;
}

}  // namespace migrate
