// A role made after one of another server.
#pragma once

#include "steps/postgres.h"

#include <boost/json/object.hpp>

#include <string>

namespace migrate {

/// `row`: of pg_authid at the source, password hash included; it reaches the server on psql's standard input, with the
/// server's own logging of the statement off. `mark` becomes the role's comment.
void create_role_like(const Postgres& postgres, const boost::json::object& row, const std::string& mark);

/// Only if it is there and bears the mark.
void drop_marked_role(const Postgres& postgres, const std::string& name, const std::string& mark);

}  // namespace migrate
