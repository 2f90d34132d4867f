// What the queue knows of: jobs, the functions that they wait for, and the peers that submit and carry them out.
// Plain records, linked to each other by pointers; Queue owns them all and keeps the links true.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace migrate {

using ConnectionId = std::uint64_t;
using QueueTime = std::chrono::steady_clock::time_point;

enum class Priority : std::uint8_t { high, normal, low };
inline constexpr std::size_t priority_count = 3;

struct Function;
struct Peer;

struct QueuedJob {
  std::uint64_t number = 0;  // the n of its handle
  std::string handle;
  Function* function = nullptr;
  std::string unique;   // "" : never shared; "-": shared by equal payload
  std::string reducer;  // "" : none
  std::string data;
  Priority priority = Priority::normal;
  bool background = false;                // stays true once any background submission has joined
  int tries = 0;                          // begun so far
  std::uint64_t done = 0, total = 0;      // of its last WORK_STATUS
  Peer* worker = nullptr;                 // while it runs
  std::optional<QueueTime> deadline;      // while it runs for a worker with a time-out
  std::vector<Peer*> clients;             // foreground: who is told
  std::list<QueuedJob*>::iterator place;  // in its function's queue, while it waits

  bool running() const { return worker != nullptr; }
};

struct Function {
  std::string name;
  std::array<std::list<QueuedJob*>, priority_count> waiting;
  std::array<std::size_t, priority_count> most_jobs{};  // 0: no limit
  std::size_t running = 0;
  std::size_t workers = 0;
  std::size_t woken = 0;                    // peers that can do this, were sent a NOOP, and have not answered it yet
  std::map<std::uint64_t, Peer*> sleepers;  // by when they fell asleep
  // Keys are views into the jobs.
  std::unordered_map<std::string_view, QueuedJob*> by_unique, by_payload;

  std::size_t waiting_count() const { return waiting[0].size() + waiting[1].size() + waiting[2].size(); }
  std::size_t job_count() const { return waiting_count() + running; }
};

/// A connection: a client, a worker, or both.
struct Peer {
  struct Ability {
    Function* function = nullptr;
    std::chrono::milliseconds timeout{0};  // 0: none
  };
  enum class Rest {
    awake,    // asks by itself
    asleep,   // waits for a NOOP
    woken,    // was sent one, and is counted on to ask
    overdue,  // was sent one and did not ask in time: not counted on, and not sent another
  };
  ConnectionId id = 0;
  int descriptor = -1;  // shown by `workers`
  std::string address;  // shown by `workers`
  std::string client_id = "-";
  std::vector<Ability> abilities;
  std::size_t next_ability = 0;  // round robin: where the next search begins
  bool wants_exceptions = false;
  Rest rest = Rest::awake;
  std::uint64_t sleep_number = 0;
  QueueTime patience_ends;       // woken: when it becomes overdue
  std::set<QueuedJob*> running;  // as a worker
  std::set<QueuedJob*> awaited;  // as a foreground client
};

}  // namespace migrate
