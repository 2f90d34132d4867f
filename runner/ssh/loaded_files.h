// The files that the running program consists of, as the kernel and the loader know them.
#pragma once

#include <map>
#include <string>

namespace migrate {

struct LoadedFiles {
  std::string program;                           // the executable itself, never the loader
  std::string loader;                            // ld-linux-...: the one that goes with the C library in `libraries`
  std::map<std::string, std::string> libraries;  // name as it is looked up by -> path; the loader is not among them
};

/// Also right when the program was started through a loader of its own, as it is on a host. Throws Failure when it is
/// linked statically, or a file was replaced since it was started.
LoadedFiles find_loaded_files();

}  // namespace migrate
