// The contract of an action. One file pair an action; steps/catalogue.cpp lists them all.
#pragma once

#include "plans/schema.h"
#include "steps/change.h"
#include "steps/state.h"
#include "steps/system.h"

#include <boost/json/object.hpp>

#include <memory>
#include <string>

namespace migrate {

/// One action with its checked parameters, on one seat. Holds no state between calls: each verb may run in another
/// process, on another day.
class Action {
 public:
  virtual ~Action() = default;

  /// Reads only. All that `plan` needs to predict and `undo` needs to go back. A tool that is missing on the host is a
  /// Failure here, so that a dry run shows it.
  virtual State probe(System& system) const = 0;
  /// Pure; also called by the controller, with a state that other steps were predicted to leave.
  virtual Change plan(const State& state) const = 0;
  /// Makes the change. `before` is what probe() found. Called again after a crash in its middle, with the same `before`,
  /// it ends in the same state. What it returns are the step's outputs.
  virtual boost::json::object apply(System& system, const State& before) const = 0;
  /// Reads only; throws Failure with what it saw. `outputs` is what apply() returned.
  virtual void verify(System& system, const State& before, const boost::json::object& outputs) const = 0;
  /// Back to `before`, also from a half-done apply(), also when called twice.
  virtual void undo(System& system, const State& before) const = 0;
};

using ActionMaker = std::unique_ptr<Action> (*)(const boost::json::object& params, const std::string& role);

/// A check: it has a verify() and nothing else. As a step of its own, probe() is empty and apply() does nothing.
class CheckAction : public Action {
 public:
  State probe(System&) const override { return {}; }
  Change plan(const State&) const override;
  boost::json::object apply(System&, const State&) const override { return {}; }
  void undo(System&, const State&) const override {}
};

}  // namespace migrate
