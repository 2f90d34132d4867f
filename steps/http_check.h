// http.check: a page, asked for over HTTP or HTTPS, and what must be true of the answer.
#pragma once

#include "steps/action.h"

#include <memory>
#include <string_view>
#include <vector>

namespace migrate {

std::vector<ActionSchema> http_check_schemas();
std::unique_ptr<Action> make_http_check(std::string_view action, const boost::json::object& params,
                                        const std::string& role);

}  // namespace migrate
