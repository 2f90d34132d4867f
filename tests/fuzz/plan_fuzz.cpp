// Any bytes as a plan: load_plan() must come back with a plan or with errors that can be shown.
#include "tests/unit/plans/small_table.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  migrate::Loaded loaded = migrate::load_small(text);
  bool told = loaded.diagnostics.has_errors();
  if (loaded.plan.has_value() == told) std::abort();
  if (told && loaded.diagnostics.render().empty()) std::abort();
  if (loaded.plan)
    for (std::size_t index = 0; index < loaded.plan->steps.size(); ++index)
      for (int earlier : loaded.plan->steps[index].after)
        if (earlier < 0 || static_cast<std::size_t>(earlier) >= index) std::abort();
  return 0;
}
