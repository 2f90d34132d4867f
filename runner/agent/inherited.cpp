#include "runner/agent/inherited.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace migrate {
namespace {

/// False where the kernel is older than 5.9.
bool close_range(unsigned first, unsigned last) {
  return first > last || ::syscall(SYS_close_range, first, last, 0U) == 0;
}

void close_listed_except(const std::vector<int>& kept) {
  std::vector<int> open_ones;
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2 && !std::binary_search(kept.begin(), kept.end(), fd)) open_ones.push_back(fd);
  }
  ::closedir(directory);
  for (const int fd : open_ones) ::close(fd);
}

}  // namespace

void close_descriptors_except(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd < 3) continue;
    if (!close_range(first, static_cast<unsigned>(fd) - 1)) return close_listed_except(kept);
    first = static_cast<unsigned>(fd) + 1;
  }
  if (!close_range(first, ~0U)) close_listed_except(kept);
}

void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::sigaction(number, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

BlockedSignals::BlockedSignals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &saved_);
}

BlockedSignals::~BlockedSignals() { ::sigprocmask(SIG_SETMASK, &saved_, nullptr); }

}  // namespace migrate
