// The job server's truth, without sockets, clock or disk: what came in from whom and when, to what goes out to whom.
// The life of a job is drawn in docs/protocol.md.
//
//   submit --> waiting --> running --> ended (complete, fail, exception)
//                 ^           |
//                 +-----------+  its worker vanished or ran out of time, and tries remain (at the end of the line)
//
// Promises: a job is with one worker at most. Every request is answered. A client gets one final packet for a job. A
// handle is never used twice. While a job waits, no worker that could do it sleeps unless enough others have been
// woken, and one that doesn't answer its wake-up is replaced after `wake_patience`. A background job is never lost
// because a client left. Not thread-safe: one thread owns it.
#pragma once

#include "runner/jobserver/queued_job.h"
#include "runner/wire/packet.h"

#include <functional>
#include <memory>
#include <utility>

namespace migrate {

struct QueueOptions {
  std::string handle_prefix = "H:localhost";  // handles are PREFIX:N, cut so that they fit into 63 bytes
  int tries = 1;                              // how often a job is begun at most; 1: no second try
  std::chrono::milliseconds wake_patience{500};
  std::size_t longest_function_name = 8192;
};

/// What one input causes, in this order.
struct Turn {
  struct Send {
    ConnectionId to = 0;
    Packet packet;
  };
  std::vector<Send> sends;
  std::vector<std::string> log;  // what an operator wants to know; may hold foreign text
};

class Queue {
 public:
  explicit Queue(QueueOptions options = {});
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void connected(ConnectionId id, std::string address, int descriptor);
  Turn disconnected(ConnectionId id, QueueTime now);
  Turn handle(ConnectionId from, Packet packet, QueueTime now);
  /// When on_tick() has something to do next, if nothing else happens.
  std::optional<QueueTime> next_deadline() const;
  Turn on_tick(QueueTime now);

  // For the text protocol.
  const std::map<std::string, std::unique_ptr<Function>, std::less<>>& functions() const { return functions_; }
  const std::map<ConnectionId, std::unique_ptr<Peer>>& peers() const { return peers_; }
  const std::map<std::uint64_t, std::unique_ptr<QueuedJob>>& jobs() const { return jobs_; }
  void create_function(std::string_view name) { function_named(name); }
  enum class Dropped { yes, unknown, in_use };
  Dropped drop_function(std::string_view name);
  void set_most_jobs(std::string_view function, const std::array<std::size_t, priority_count>& most);
  /// False when there is no such job. A client that waits for it gets WORK_FAIL; its worker's result is then refused.
  bool cancel(std::string_view handle, Turn& turn);

 private:
  struct Submission;

  // queue.cpp: who is there, and what came
  void dispatch(Peer& peer, Packet& packet, QueueTime now, Turn& turn);
  void set_option(Peer& peer, const std::string& name, Turn& turn);
  Function& function_named(std::string_view name);

  // client_side.cpp: packets of clients
  void submit(Peer& peer, Packet& packet, QueueTime now, Turn& turn);
  QueuedJob* twin_of(const Submission& submission);
  QueuedJob& create_job(Submission& submission);
  void tell_status(Peer& peer, const std::string& handle, Turn& turn);
  void tell_status_by_unique(Peer& peer, const std::string& unique, Turn& turn);
  void detach_client(Peer& peer);
  QueuedJob* find_job(std::string_view handle);
  void remove_job(QueuedJob& job);

  // worker_side.cpp: packets of workers
  void can_do(Peer& peer, const std::string& function, std::chrono::milliseconds timeout, QueueTime now, Turn& turn);
  void cant_do(Peer& peer, std::string_view function, QueueTime now, Turn& turn);
  void reset_abilities(Peer& peer, QueueTime now, Turn& turn);
  void pre_sleep(Peer& peer, QueueTime now, Turn& turn);
  void grab(Peer& peer, PacketType how, QueueTime now, Turn& turn);
  QueuedJob* next_job_for(Peer& peer, std::chrono::milliseconds& timeout);
  void assign(Peer& peer, QueuedJob& job, PacketType how, Turn& turn);
  void work(Peer& peer, Packet& packet, Turn& turn);
  void forward(const QueuedJob& job, Packet& packet, Turn& turn);  // may move the arguments away
  void stop_running(QueuedJob& job);                               // it is in no line then
  void lose_try(QueuedJob& job, std::string_view why, QueueTime now, Turn& turn);
  void fail_job(QueuedJob& job, Turn& turn);

  // wake_up.cpp: who sleeps, who is woken
  void set_rest(Peer& peer, Peer::Rest rest);
  void wake_for(Function& function, QueueTime now, Turn& turn);
  void wake_for_all(const std::vector<Function*>& functions, QueueTime now, Turn& turn);

  QueueOptions options_;
  std::map<std::string, std::unique_ptr<Function>, std::less<>> functions_;
  std::map<ConnectionId, std::unique_ptr<Peer>> peers_;
  std::map<std::uint64_t, std::unique_ptr<QueuedJob>> jobs_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_sleep_ = 0;
  std::set<std::pair<QueueTime, Peer*>> woken_;           // by the end of our patience
  std::set<std::pair<QueueTime, QueuedJob*>> deadlines_;  // running jobs with a time-out
};

}  // namespace migrate
