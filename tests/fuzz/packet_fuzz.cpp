// libFuzzer over the reader of the wire, the queue and the text protocol: a few connections take turns to send pieces
// of the input. Beyond what the sanitizers find, it holds the queue's promises after every input.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. -DMIGRATE_VERSION='"fuzz"'
//     tests/fuzz/packet_fuzz.cpp runner/wire/packet.cpp runner/jobserver/{queue,client_side,worker_side,wake_up}.cpp
//     runner/jobserver/{text_commands,text_listings,printable}.cpp -lfmt -o packet_fuzz
//   ./packet_fuzz -max_total_time=60 CORPUS
#include "runner/jobserver/queue.h"
#include "runner/jobserver/text_commands.h"
#include "runner/wire/packet.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>

namespace {

using namespace migrate;

constexpr std::size_t connection_count = 4;

void require(bool held) {
  if (!held) std::abort();
}

/// What queue.h promises about workers and jobs, whatever was said.
void check_promises(const Queue& queue) {
  std::map<const Function*, std::size_t> running, waiting, woken, workers;
  for (const auto& [number, job] : queue.jobs()) {
    if (job->running()) require(job->worker->running.contains(job.get()));
    ++(job->running() ? running : waiting)[job->function];
    require(job->background || !job->clients.empty() || job->running());
  }
  for (const auto& [id, peer] : queue.peers())
    for (const Peer::Ability& ability : peer->abilities) {
      ++workers[ability.function];
      if (peer->rest == Peer::Rest::woken) ++woken[ability.function];
      require(ability.function->sleepers.contains(peer->sleep_number) == (peer->rest == Peer::Rest::asleep));
    }
  for (const auto& [name, function] : queue.functions()) {
    require(function->running == running[function.get()] && function->waiting_count() == waiting[function.get()]);
    require(function->woken == woken[function.get()] && function->workers == workers[function.get()]);
    require(function->sleepers.empty() || function->woken >= function->waiting_count());  // nobody sleeps through a job
  }
}

class Play {
 public:
  Play() : queue_(QueueOptions{.handle_prefix = "H:f", .tries = 2}) {
    for (std::size_t i = 0; i < connection_count; ++i) connect(i);
  }

  /// The first byte of a piece says who sends it, how long it is, and what else happens.
  void take(const std::uint8_t*& data, std::size_t& size) {
    const std::uint8_t what = *data++;
    --size;
    const std::size_t who = what % connection_count;
    if ((what & 0xfcu) == 0xf8u) return leave(who);
    if ((what & 0xfcu) == 0xf4u) return pass_time();
    const std::size_t length = std::min<std::size_t>(size, what >> 2);
    readers_[who].feed({reinterpret_cast<const char*>(data), length});
    data += length;
    size -= length;
    read(who);
    check_promises(queue_);
  }

 private:
  void connect(std::size_t who) {
    ids_[who] = ++last_id_;
    readers_[who] = PacketReader(4096);
    queue_.connected(ids_[who], "127.0.0.1", static_cast<int>(who));
  }

  void leave(std::size_t who) {
    send(queue_.disconnected(ids_[who], now_));
    connect(who);
    check_promises(queue_);
  }

  void pass_time() {
    now_ += std::chrono::milliseconds(400);
    send(queue_.on_tick(now_));
    require(!queue_.next_deadline() || *queue_.next_deadline() > now_);
    check_promises(queue_);
  }

  void read(std::size_t who) {
    try {
      while (auto item = readers_[who].next()) {
        Turn turn;
        if (item->packet)
          turn = queue_.handle(ids_[who], std::move(*item->packet), now_);
        else
          answer_text(queue_, item->line->text, TextCaller{}, turn);
        send(std::move(turn));
      }
    } catch (const PacketError&) {
      leave(who);
    }
  }

  void send(Turn turn) {
    for (const Turn::Send& one : turn.sends) require(!encode(one.packet).empty());
  }

  Queue queue_;
  QueueTime now_{std::chrono::hours(1)};
  ConnectionId last_id_ = 0;
  std::array<ConnectionId, connection_count> ids_{};
  std::array<PacketReader, connection_count> readers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play play;
  while (size > 0) play.take(data, size);
  return 0;
}
