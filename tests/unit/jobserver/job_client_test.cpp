#include "runner/jobserver/job_client.h"

#include "steps/failure.h"
#include "tests/unit/jobserver/running_server.h"

#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace migrate {
namespace {

using jobserver_test::RawPeer;
using jobserver_test::RunningServer;
using jobserver_test::SocketFolder;
using EndKind = JobClient::End::Kind;

/// A client with a loop that the test turns itself.
struct ClientSide {
  explicit ClientSide(const std::string& path) : client(std::make_unique<JobClient>(io, path)) {}

  /// Turns the loop until `done`, 10 seconds at most.
  void run_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < limit) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));
    }
    ASSERT_TRUE(done());
  }

  JobClient::Handlers noting() {
    JobClient::Handlers handlers;
    handlers.on_created = [this] { events.push_back("created"); };
    handlers.on_data = [this](std::string_view data) { events.push_back("data " + std::string(data)); };
    handlers.on_status = [this](std::uint64_t done, std::uint64_t total) {
      events.push_back("status " + std::to_string(done) + "/" + std::to_string(total));
    };
    handlers.on_end = [this](JobClient::End result) {
      events.push_back("end " + result.data);
      end = std::move(result);
    };
    return handlers;
  }

  boost::asio::io_context io;
  std::unique_ptr<JobClient> client;
  std::vector<std::string> events;
  std::optional<JobClient::End> end;
};

TEST(JobClient, HearsAllOfAJobInOrder) {
  RunningServer server;
  ClientSide side(server.path());
  RawPeer worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  side.client->submit("f", "u", "payload", side.noting());
  EXPECT_TRUE(side.events.empty()) << "a handler was called before submit() returned";
  const auto [handle, data] = worker.next_job();
  EXPECT_EQ(data, "payload");
  worker.send(PacketType::work_data, {handle, std::string("a\0b", 3)});
  worker.send(PacketType::work_status, {handle, "5", "6000000000"});
  worker.send(PacketType::work_complete, {handle, "result"});
  side.run_until([&] { return side.end.has_value(); });
  EXPECT_THAT(side.events,
              testing::ElementsAre("created", "data " + std::string("a\0b", 3), "status 5/6000000000", "end result"));
  EXPECT_EQ(side.end->kind, EndKind::complete);
}

TEST(JobClient, TellsFailuresFromExceptions) {
  RunningServer server;
  ClientSide failing(server.path()), excepting(server.path());
  RawPeer worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  failing.client->submit("f", "", "x", failing.noting());
  worker.send(PacketType::work_fail, {worker.next_job().first});
  failing.run_until([&] { return failing.end.has_value(); });
  EXPECT_EQ(failing.end->kind, EndKind::fail);
  excepting.client->submit("f", "", "x", excepting.noting());
  worker.send(PacketType::work_exception, {worker.next_job().first, "because"});
  excepting.run_until([&] { return excepting.end.has_value(); });
  EXPECT_EQ(excepting.end->kind, EndKind::exception);
  EXPECT_EQ(excepting.end->data, "because");
}

TEST(JobClient, MatchesHandlesToSubmissionsWithARefusedOneAmongThem) {
  RunningServer server;
  ClientSide side(server.path());
  RawPeer worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  std::vector<std::string> ends;
  const auto noting_as = [&](const std::string& name) {
    JobClient::Handlers handlers;
    handlers.on_end = [&ends, name](JobClient::End end) {
      ends.push_back(name + (end.kind == EndKind::refused ? " refused" : " " + end.data));
    };
    return handlers;
  };
  side.client->submit("f", "one", "1", noting_as("first"));
  side.client->submit("f", std::string(64, 'u'), "2", noting_as("second"));
  side.client->submit("f", "three", "3", noting_as("third"));
  side.client->submit("f", "three", "3", noting_as("third again"));
  for (int i = 0; i < 2; ++i) {
    const auto [handle, data] = worker.next_job();
    worker.send(PacketType::work_complete, {handle, "of " + data});
  }
  side.run_until([&] { return ends.size() == 4; });
  EXPECT_THAT(ends, testing::UnorderedElementsAre("first of 1", "second refused", "third of 3", "third again of 3"));
}

TEST(JobClient, ReportsALostConnectionToEveryJobThatWaits) {
  auto server = std::make_unique<RunningServer>();
  ClientSide side(server->path());
  side.client->submit("f", "u", "x", side.noting());
  side.run_until([&] { return !side.events.empty(); });
  server.reset();
  side.run_until([&] { return side.end.has_value(); });
  EXPECT_EQ(side.end->kind, EndKind::lost);
  side.end.reset();
  side.client->submit("f", "v", "x", side.noting());
  EXPECT_FALSE(side.end);
  side.run_until([&] { return side.end.has_value(); });
  EXPECT_EQ(side.end->kind, EndKind::lost);
}

TEST(JobClient, CanBeDestroyedByItsOwnHandlerAndIsSilentAfterwards) {
  RunningServer server;
  ClientSide side(server.path());
  JobClient::Handlers handlers = side.noting();
  handlers.on_created = [&] { side.client.reset(); };
  side.client->submit("f", "u", "x", std::move(handlers));
  side.client->submit("f", "v", "x", side.noting());
  side.run_until([&] { return side.client == nullptr; });
  side.io.restart();
  side.io.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(side.events.empty());
}

TEST(JobClient, DestroyedByTheFirstOfItsLostJobsIsSilentAboutTheOthers) {
  auto server = std::make_unique<RunningServer>();
  ClientSide side(server->path());
  int created = 0, ended = 0;
  for (const std::string unique : {"u", "v"}) {
    JobClient::Handlers handlers;
    handlers.on_created = [&] { ++created; };
    handlers.on_end = [&](JobClient::End) {
      ++ended;
      side.client.reset();
    };
    side.client->submit("f", unique, "x", std::move(handlers));
  }
  side.run_until([&] { return created == 2; });
  server.reset();
  side.run_until([&] { return side.client == nullptr; });
  EXPECT_EQ(ended, 1);
}

TEST(JobClient, MaySubmitFromAHandler) {
  RunningServer server;
  ClientSide side(server.path());
  RawPeer worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  JobClient::Handlers first;
  first.on_end = [&](JobClient::End end) { side.client->submit("f", "", end.data, side.noting()); };
  side.client->submit("f", "", "a", std::move(first));
  std::thread working([&] {
    for (int i = 0; i < 2; ++i) {
      const auto [handle, data] = worker.next_job();
      worker.send(PacketType::work_complete, {handle, data + "b"});
    }
  });
  side.run_until([&] { return side.end.has_value(); });
  working.join();
  EXPECT_EQ(side.end->data, "abb");
}

TEST(JobClient, CountsTheWorkersOfAFunction) {
  RunningServer server;
  ClientSide side(server.path());
  RawPeer worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"migrate@old"});
  worker.send(PacketType::can_do, {"migrate@older"});
  worker.send(PacketType::echo_req, {"x"});
  worker.packet();
  std::vector<std::size_t> counts;
  const auto note = [&](std::size_t count) { counts.push_back(count); };
  side.client->workers_of("migrate@old", note);
  side.client->workers_of("migrate@ol", note);
  side.client->workers_of("migrate@older", note);
  side.run_until([&] { return counts.size() == 3; });
  EXPECT_THAT(counts, testing::ElementsAre(1, 0, 1));
}

TEST(JobClient, SaysWhereNobodyListens) {
  const SocketFolder folder;
  boost::asio::io_context io;
  try {
    JobClient client(io, folder.path("nobody"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), testing::HasSubstr(folder.path("nobody") + ": No such file or directory"));
  }
}

}  // namespace
}  // namespace migrate
