// What stands above a plan's phases.
#pragma once

#include "plans/draft.h"

namespace migrate {

/// `migrate`, `name`, `description`, `defaults`.
void read_head(Draft& draft, const Value& plan);
void read_defaults(Draft& draft, const Value& plan);
/// `vars`, with those of the command line.
void read_vars(Draft& draft, const Value& plan);
void read_secrets(Draft& draft, const Value& plan);
/// `hosts` and `groups`.
void read_hosts(Draft& draft, const Value& plan);
void read_groups(Draft& draft, const Value& plan);
/// The `dns:` section.
void read_dns(Draft& draft, const Value& plan);

}  // namespace migrate
