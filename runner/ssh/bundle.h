// The program as it is sent to hosts: itself, the shared libraries that it needs and their loader, so that it also runs
// where glibc is older (Debian 11).
#pragma once

#include <string>

namespace migrate {

struct Bundle {
  std::string path;    // a .tar.gz in the cache folder
  std::string digest;  // hex, over the content: names the folder on the host
};

/// Makes the bundle of the running program, or takes it from `cache_folder` when it is there and whole.
/// Inside: `migrate-agent` (a shell script that starts the program through its own loader), `program`, `lib/*`.
Bundle make_bundle(const std::string& cache_folder);

}  // namespace migrate
