// The network of a FakeSystem: web pages, one DNS server with its zones, and pipes between two machines.
#include "tests/support/fake_system.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace migrate {

namespace {

bool in_zone(const std::string& name, const std::string& zone) {
  return name == zone || (name.size() > zone.size() && name.ends_with("." + zone));
}

/// One direction of a pipe. Closed: what was sent may still be received.
struct FrameQueue {
  std::mutex lock;
  std::condition_variable changed;
  std::deque<Pipe::Frame> frames;
  bool closed = false;

  void push(Pipe::Frame frame) {
    std::lock_guard held(lock);
    frames.push_back(std::move(frame));
    changed.notify_all();
  }
  void close() {
    std::lock_guard held(lock);
    closed = true;
    changed.notify_all();
  }
  Pipe::Frame pop() {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return closed || !frames.empty(); });
    if (frames.empty()) throw Failure("The other side of the pipe is gone.");
    Pipe::Frame frame = std::move(frames.front());
    frames.pop_front();
    return frame;
  }
};

class FakePipe : public Pipe {
 public:
  FakePipe(std::shared_ptr<FrameQueue> in, std::shared_ptr<FrameQueue> out, int break_after)
      : in_(std::move(in)), out_(std::move(out)), break_after_(break_after) {}
  ~FakePipe() override { hang_up(); }

  void send(Kind kind, std::string_view data) override {
    if (break_after_ == 0) {
      hang_up();
      throw Failure("The pipe broke: a fault put there by the test.");
    }
    if (break_after_ > 0) --break_after_;
    out_->push({kind, std::string(data)});
  }
  Frame receive() override { return in_->pop(); }

 private:
  void hang_up() {
    in_->close();
    out_->close();
  }

  std::shared_ptr<FrameQueue> in_, out_;
  int break_after_;
};

}  // namespace

/// Where the two ends of a pipe meet: the n-th end that accepts gets the n-th that connects.
class FakePipes {
 public:
  std::pair<std::shared_ptr<FrameQueue>, std::shared_ptr<FrameQueue>> end(std::size_t number) {
    std::lock_guard held(lock_);
    while (queues_.size() <= number)
      queues_.emplace_back(std::make_shared<FrameQueue>(), std::make_shared<FrameQueue>());
    return queues_[number];
  }
  std::size_t next_accepted() { return accepted_++; }
  std::size_t next_connected() { return connected_++; }

 private:
  std::mutex lock_;
  std::vector<std::pair<std::shared_ptr<FrameQueue>, std::shared_ptr<FrameQueue>>> queues_;
  std::size_t accepted_ = 0, connected_ = 0;  // each is used by one side's thread only
};

void FakeSystem::join_pipes(FakeSystem& source, FakeSystem& target) {
  source.pipes_ = std::make_shared<FakePipes>();
  target.pipes_ = source.pipes_;
}

void FakeSystem::break_pipe_after(int frames) { break_after_ = frames; }

std::unique_ptr<Pipe> FakeSystem::accept_pipe() {
  auto [down, up] = pipes_->end(pipes_->next_accepted());
  return std::make_unique<FakePipe>(down, up, break_after_);
}

std::unique_ptr<Pipe> FakeSystem::connect_pipe() {
  auto [down, up] = pipes_->end(pipes_->next_connected());
  return std::make_unique<FakePipe>(up, down, break_after_);
}

Exit FakeSystem::run_through(Pipe& pipe, const Command& command, int in_fd, int out_fd) {
  Command fed = command;
  bool ended = false;
  for (; in_fd >= 0 && !ended;) {
    Pipe::Frame frame = pipe.receive();
    if (frame.kind == Pipe::Kind::error) throw Failure(frame.data);
    ended = frame.kind == Pipe::Kind::end;
    if (frame.kind == Pipe::Kind::bytes) fed.input += frame.data;
  }
  Exit exit = run(fed);
  if (out_fd >= 0 && !exit.out.empty()) pipe.send(Pipe::Kind::bytes, exit.out);
  pipe.send(Pipe::Kind::end, "");
  while (!ended) {
    Pipe::Frame frame = pipe.receive();
    if (frame.kind == Pipe::Kind::error) throw Failure(frame.data);
    ended = frame.kind == Pipe::Kind::end;
  }
  return exit;
}

FakeSystem& FakeSystem::add_page(const std::string& url, HttpResponse response, const std::string& connect_to) {
  pages_[{url, connect_to}] = std::move(response);
  return *this;
}

HttpResponse FakeSystem::http(const HttpRequest& request) {
  auto found = pages_.find({request.url, request.connect_to});
  if (found == pages_.end()) throw Failure("Cannot connect to " + request.url + ": connection refused.");
  return found->second;
}

FakeSystem& FakeSystem::add_zone(const std::string& zone) {
  zones_[zone];
  return *this;
}

FakeSystem& FakeSystem::add_records(const std::string& zone, const std::string& name, const std::string& type,
                                    std::uint32_t ttl, std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  zones_[zone][{name, type}] = {true, ttl, std::move(values)};
  return *this;
}

FakeSystem& FakeSystem::require_dns_key(DnsKey key) {
  dns_key_ = std::move(key);
  return *this;
}

std::string FakeSystem::dns_zone(const std::string& server, const std::string& name) {
  std::string best;
  for (const auto& [zone, unused] : zones_) {
    if (in_zone(name, zone) && zone.size() > best.size()) best = zone;
  }
  if (best.empty()) throw Failure(server + " has no zone for " + name + ".");
  return best;
}

DnsRecordSet FakeSystem::dns_query(const std::string& server, const std::string& name, const std::string& type) {
  const auto& records = zones_[dns_zone(server, name)];
  auto found = records.find({name, type});
  return found == records.end() ? DnsRecordSet{} : found->second;
}

void FakeSystem::dns_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) {
  auto zone = zones_.find(update.zone);
  if (zone == zones_.end()) throw Failure(server + " answered NOTAUTH for the zone " + update.zone + ".");
  if (dns_key_ && (dns_key_->name != key.name || dns_key_->secret != key.secret)) {
    throw Failure(server + " answered BADKEY: it does not know the key " + key.name + ".");
  }
  for (const DnsUpdate::Entry& entry : update.entries) {
    auto found = zone->second.find({entry.name, entry.type});
    bool exists = found != zone->second.end();
    if (exists != entry.expected.exists || (exists && found->second.values != entry.expected.values)) {
      throw DnsMismatch("The records of " + entry.name + " " + entry.type + " are not the expected ones.");
    }
  }
  writing("update the zone " + update.zone, [&] {
    for (const DnsUpdate::Entry& entry : update.entries) {
      DnsRecordSet wanted = entry.wanted;
      std::sort(wanted.values.begin(), wanted.values.end());
      if (wanted.exists) zone->second[{entry.name, entry.type}] = wanted;
      if (!wanted.exists) zone->second.erase({entry.name, entry.type});
    }
  });
}

}  // namespace migrate
