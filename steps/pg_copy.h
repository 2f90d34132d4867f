// pg.copy: a PostgreSQL database from one host to another, dumped and restored in one stream through a pipe.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> pg_copy_schemas();
/// `role`: "source" or "target".
std::unique_ptr<Action> make_pg_copy(std::string_view action, const boost::json::object& params,
                                     const std::string& role);

}  // namespace migrate
