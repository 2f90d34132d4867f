// A checked plan: what the language's text became. All `${{ }}` are resolved (but secrets), all names exist, all
// types are right. Immutable once loaded.
#pragma once

#include "plans/value.h"

#include <boost/json/object.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

using Milliseconds = std::chrono::milliseconds;

struct Host {
  std::string name;
  std::string address;  // what ssh connects to; the name itself unless the plan says otherwise
  std::string user;     // "" : as ssh_config says
  int port = 0;         // 0 : as ssh_config says
  bool local = false;   // the machine that `migrate` runs on
  std::string become;   // "" or "root"
};

/// Where a secret comes from; its value never enters a Plan.
struct Secret {
  std::string name;
  std::string file;         // absolute, `~` resolved; or ""
  std::string environment;  // a variable's name; or ""
};

/// An action with its checked parameters (types as FieldType says). Where a secret stands, the parameter is
/// {"$secret": "NAME"}; the controller puts the value in when it submits the job.
/// Actions under dns.* have "server" and "key" filled from the plan's `dns:` section.
struct ActionCall {
  std::string action;
  boost::json::object params;
  Position at;
};

/// One place where a step's jobs run. `role` is "" or, for Placement::from_to, "source" or "target".
struct Seat {
  std::string host;
  std::string role;
  bool operator==(const Seat&) const = default;
};

/// A read-only action after the change, on its own seats, retried until `within` has passed.
struct Check {
  ActionCall call;
  std::vector<Seat> seats;
  Milliseconds within{0};
};

enum class OnFailure { ask, stop, rollback, rollback_phase, proceed };  // proceed is written `continue`

/// How a step is taken back.
struct Undo {
  enum class Kind {
    native,        // the action's own
    call,          // another action stands in (a shell block is a `run`)
    nothing,       // `undo: nothing`: there is nothing to take back
    irreversible,  // `irreversible: why`
  };
  Kind kind = Kind::native;
  ActionCall call;           // Kind::call
  std::vector<Seat> seats;   // Kind::call
  std::string why;           // Kind::irreversible
};

struct Retry {
  int times = 0;              // further tries after the first
  Milliseconds pause{1000};   // before the first further try; doubled each time
};

enum class Downtime { none, begins, ends };

/// A leaf of the plan: exactly one action. Groups and `parallel` are gone: what they meant is in `after`.
struct Step {
  std::string number;   // "5.4" or, in a group, "5.4.2": by what people and the journal call it
  std::string id;       // as written, or ""
  std::string name;     // as written, or made from the action
  int phase = 0;        // index into Plan::phases
  Position at;
  ActionCall call;
  std::vector<Seat> seats;    // empty for Placement::nowhere
  std::vector<int> after;     // indices into Plan::steps that must have ended before this may begin
  Milliseconds timeout{600000};
  Retry retry;
  Undo undo;
  std::vector<Check> verify;
  OnFailure on_failure = OnFailure::ask;
  std::string point_of_no_return;  // "" or what going back loses after this step
  Downtime downtime = Downtime::none;
};

struct Phase {
  std::string number;  // "5"
  std::string id;      // as written, or ""
  std::string name;
  Position at;
};

struct Plan {
  std::string name;
  std::string description;
  std::string file;       // as given
  std::string text;       // the file's content: snapshotted into the run
  std::string digest;     // sha256 (hex) over everything that decides what the plan does: text, variables, files beside it
  std::map<std::string, std::string> vars;  // after --var
  std::map<std::string, Host> hosts;        // includes the implicit local host when anything runs on the controller
  std::map<std::string, std::vector<std::string>> groups;
  std::map<std::string, Secret> secrets;
  std::vector<Phase> phases;
  std::vector<Step> steps;  // document order; every index in `after` is smaller than the step's own

  /// Index of the step with that number or id; nullopt if there is none.
  std::optional<int> find_step(std::string_view number_or_id) const;
  /// Index of the phase with that number, id or name (any case).
  std::optional<int> find_phase(std::string_view number_id_or_name) const;
  /// The host that is `local: true`, or the implicit one ("localhost"); nullptr when no step runs there.
  const Host* local_host() const;
};

}  // namespace migrate
