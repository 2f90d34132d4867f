// One job: a verb of a step on a seat, as it travels from the engine through a job server to an agent, and what comes
// back. JSON on the wire; docs/protocol.md describes it. Changing a field: old agents must still understand (add, never
// rename), or raise `job_version`, which both sides compare first.
#pragma once

#include "steps/system.h"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

inline constexpr int job_version = 1;

enum class Verb { probe, apply, verify, undo };
std::string_view to_text(Verb verb);
/// Throws std::runtime_error for an unknown word.
Verb verb_from_text(std::string_view text);

/// The payload of a job. It may hold secrets' values: never written to disk by anybody.
struct Job {
  std::string run;      // run id
  std::string step;     // step number
  std::string host;     // seat
  std::string role;
  Verb verb = Verb::probe;
  int attempt = 1;      // counts the tries of this verb of this step on this seat
  std::string action;
  boost::json::object params;
  boost::json::object before;    // State: for apply, verify, undo
  boost::json::object outputs;   // of apply: for verify
  std::chrono::milliseconds timeout{600000};
  std::optional<PipeOffer> pipe; // for the seat that connects
  /// Don't begin it: wait for its end if it runs, say what the ledger knows, or that it was never begun (`refused`).
  bool settle = false;
  /// apply: look at once, in the same process, whether it did what it should; the outcome then says `verified`. One job less.
  bool then_verify = false;
  std::vector<std::string> masked;  // values that must not appear in output

  /// sha256 over run/step/host/role/verb/attempt, 40 hex digits: the Gearman unique id, and the ledger's key.
  std::string unique() const;
  /// "migrate@old"
  std::string function() const;
  bool changes_something() const { return verb == Verb::apply || verb == Verb::undo; }
};

std::string to_payload(const Job& job);
/// Throws std::runtime_error naming the field that is missing or wrong, or the version that isn't ours.
Job job_from_payload(std::string_view payload);

/// How a job ended.
struct Outcome {
  enum class Kind {
    done,         // WORK_COMPLETE
    failed,       // the action said no: WORK_EXCEPTION, then nothing
    interrupted,  // the ledger: it was begun and its process is gone; part of it may have happened
    lost,         // nobody knows: the agent or its connection vanished while it ran
    refused,      // the agent would not take it (bad payload, wrong version)
  };
  Kind kind = Kind::done;
  boost::json::object state;    // probe: State
  boost::json::object outputs;  // apply
  std::string error;            // failed, interrupted, lost, refused: sentences
  std::string command;          // failed: the command as run, masked; or ""
  int exit_code = 0;
  bool applied = false;         // then_verify: the apply itself was done, also where the kind is `failed`
  bool verified = false;        // then_verify: and it looks as it should
  bool from_ledger = false;     // answered without running again
  std::int64_t duration_ms = 0;
};
std::string to_payload(const Outcome& outcome);
/// Throws std::runtime_error: an agent that answers nonsense.
Outcome outcome_from_payload(std::string_view payload);

/// What an agent sends while a job runs, as WORK_DATA (progress also as WORK_STATUS).
struct JobMessage {
  enum class Kind { output, offer, progress };
  Kind kind = Kind::output;
  std::string line;              // output
  PipeOffer offer;               // offer
  std::uint64_t done = 0, total = 0;
};
std::string to_payload(const JobMessage& message);
JobMessage message_from_payload(std::string_view payload);

}  // namespace migrate
