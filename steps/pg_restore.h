// pg_restore fed by a pipe: as a stream, or from a file on this host when several connections shall restore.
#pragma once

#include "steps/postgres.h"

#include <cstdint>
#include <string>

namespace migrate {

/// Into the database `name`, which is empty. `jobs` > 1: what arrives is kept in `spool`, a folder that is made and
/// removed here, and must have room for `bytes`.
void restore_from_pipe(System& system, Pipe& pipe, const Postgres& postgres, const std::string& name, int jobs,
                       const std::string& spool, std::uint64_t bytes);

/// What an interrupted restore left.
void remove_spool(System& system, const std::string& spool);

}  // namespace migrate
