#include "runner/ssh/interrupt.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace migrate {

Interrupt::Interrupt() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Interrupt::~Interrupt() { ::close(fd_); }

void Interrupt::raise() {
  const std::lock_guard lock(mutex_);
  raised_ = true;
  (void)::eventfd_write(fd_, 1);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

void Interrupt::Watch::set(int socket) {
  const std::lock_guard lock(interrupt_.mutex_);
  int& watched = interrupt_.socket_;
  if (watched >= 0) ::close(watched);
  watched = socket < 0 ? -1 : ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (interrupt_.raised_ && watched >= 0) ::shutdown(watched, SHUT_RDWR);
}

}  // namespace migrate
