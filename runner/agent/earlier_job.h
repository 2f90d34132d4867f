// A job that is in the ledger already: what can be said of it now.
#pragma once

#include "runner/agent/ledger.h"

#include <optional>

namespace migrate {

/// The outcome to answer with (from_ledger is set), or nullopt while the job still runs under another agent. A job that
/// was begun and whose process is gone is settled as interrupted, here and in the ledger (the caller commits); programs
/// of it that still run are ended first, so that whoever goes on has the host to themselves.
std::optional<Outcome> settle_earlier_job(Ledger& ledger, const LedgerRow& row, const ProcessIdentity& this_agent);

}  // namespace migrate
