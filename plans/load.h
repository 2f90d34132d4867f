// From a plan's text to a checked Plan, or to all of its errors at once. Touches no host; reads the plan, the files
// beside it that its steps name, and `${{ env.NAME }}`.
#pragma once

#include "plans/diagnostics.h"
#include "plans/plan.h"
#include "plans/schema.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace migrate {

struct LoadInput {
  std::string file;                         // for messages, and the folder that relative paths start from
  std::string text;
  std::map<std::string, std::string> vars;  // --var k=v
  std::function<std::optional<std::string>(const std::string&)> environment;        // for ${{ env.NAME }}
  std::function<std::optional<std::string>(const std::string& path)> read_file;     // files beside the plan; nullopt: cannot be read
};

struct Loaded {
  std::optional<Plan> plan;  // empty exactly when `diagnostics` has errors
  Diagnostics diagnostics;
};

/// Never throws for anything that stands in the text. Bounds: 4 MiB of text, 100 levels, 200,000 nodes.
Loaded load_plan(const LoadInput& input, const ActionTable& actions);

/// load_plan() with the real file system and environment. A file that cannot be read is a diagnostic, too.
Loaded load_plan_file(const std::string& path, const std::map<std::string, std::string>& vars, const ActionTable& actions);

}  // namespace migrate
