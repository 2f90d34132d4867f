// file.write: a file with a given content, mode and owner; missing folders above it are made.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> file_write_schemas();
std::unique_ptr<Action> make_file_write(std::string_view action, const boost::json::object& params,
                                        const std::string& role);

}  // namespace migrate
