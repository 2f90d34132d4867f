// The way to end a host's thread from outside: it wakes every wait, and breaks off a handshake that blocks.
#pragma once

#include <atomic>
#include <mutex>

namespace migrate {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// From any thread; for good.
  void raise();
  bool raised() const { return raised_; }
  /// Readable once raised: for poll().
  int fd() const { return fd_; }

  /// While it lives, raise() also shuts `socket` down, on which the thread is about to block. Who owns the socket may
  /// close it meanwhile: this has a descriptor of its own.
  class Watch {
   public:
    explicit Watch(Interrupt& interrupt) : interrupt_(interrupt) {}
    ~Watch() { set(-1); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void set(int socket);

   private:
    Interrupt& interrupt_;
  };

 private:
  int fd_ = -1;
  std::atomic<bool> raised_{false};
  std::mutex mutex_;
  int socket_ = -1;
};

}  // namespace migrate
