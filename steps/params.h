// An action's checked parameters, read with their defaults. The loader has checked types and what is required.
//
// plan() also runs in the controller, where a secret still is {"$secret": "NAME"}: it reads as `${{ secrets.NAME }}`
// there, for people; what depends on its value is then unknown, see is_secret().
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace migrate {

bool has_param(const boost::json::object& params, std::string_view name);
bool is_secret(const boost::json::object& params, std::string_view name);
std::string text_param(const boost::json::object& params, std::string_view name, const std::string& otherwise = "");
/// A list of texts; a single text counts as one; empty when it isn't there.
std::vector<std::string> texts_param(const boost::json::object& params, std::string_view name);
bool flag_param(const boost::json::object& params, std::string_view name, bool otherwise);

}  // namespace migrate
