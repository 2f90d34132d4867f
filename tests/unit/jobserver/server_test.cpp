#include "runner/jobserver/server.h"

#include "steps/failure.h"
#include "tests/unit/jobserver/running_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace migrate {
namespace {

using jobserver_test::RawPeer;
using jobserver_test::RunningServer;
using jobserver_test::SocketFolder;
using testing::HasSubstr;

/// The sentence with which listening fails, or "".
std::string listening_failure(const std::function<void(JobServer&)>& listen) {
  boost::asio::io_context io;
  JobServer server(io);
  try {
    listen(server);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

void expect_echo(RawPeer peer) {
  peer.send(PacketType::echo_req, {"hello"});
  EXPECT_EQ(peer.packet().args, std::vector<std::string>{"hello"});
}

TEST(JobServer, AnswersOverTcpAndOverAUnixSocket) {
  RunningServer server;
  expect_echo(RawPeer::on(server.path()));
  expect_echo(RawPeer::on(server.port()));
}

TEST(JobServer, TakesPacketsByteByByteAndManyAtOnceMixedWithText) {
  RunningServer server;
  RawPeer peer = RawPeer::on(server.path());
  const std::string echo = encode_request(PacketType::echo_req, {"x"});
  for (const char byte : echo + "version\n") peer.send(std::string(1, byte));
  EXPECT_EQ(peer.packet().type, PacketType::echo_res);
  EXPECT_EQ(peer.line(), "OK " MIGRATE_VERSION);
  peer.send(echo + "version\r\n" + echo + echo);
  EXPECT_EQ(peer.packet().type, PacketType::echo_res);
  EXPECT_EQ(peer.line(), "OK " MIGRATE_VERSION);
  EXPECT_EQ(peer.packet().type, PacketType::echo_res);
  EXPECT_EQ(peer.packet().type, PacketType::echo_res);
}

TEST(JobServer, CarriesAJobOfManyMegabytesUnchanged) {
  RunningServer server;
  std::string payload(5 << 20, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 31 + i / 251);
  RawPeer client = RawPeer::on(server.path()), worker = RawPeer::on(server.port());
  worker.send(PacketType::can_do, {"f"});
  client.send(PacketType::submit_job, {"f", "", payload});
  EXPECT_EQ(client.packet().type, PacketType::job_created);
  const auto [handle, data] = worker.next_job();
  EXPECT_TRUE(data == payload);
  worker.send(PacketType::work_complete, {handle, data});
  EXPECT_TRUE(client.packet().data() == payload);
}

TEST(JobServer, ItsUnixSocketIsItsOwnersAloneAndIsGoneAtTheEnd) {
  std::string path;
  {
    RunningServer server;
    path = server.path();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0600u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(JobServer, RefusesAPathWhereAServerListens) {
  RunningServer server;
  EXPECT_THAT(listening_failure([&](JobServer& other) { other.listen_unix(server.path()); }),
              HasSubstr("a server listens there already"));
  expect_echo(RawPeer::on(server.path()));
}

TEST(JobServer, ReplacesASocketThatADeadServerLeftAndNothingElse) {
  const SocketFolder folder;
  const std::string left = folder.path("left"), file = folder.path("file");
  {
    boost::asio::io_context io;
    JobServer server(io);
    server.listen_unix(left);
    std::filesystem::rename(left, folder.path("moved"));
  }
  std::filesystem::rename(folder.path("moved"), left);
  EXPECT_EQ(listening_failure([&](JobServer& other) { other.listen_unix(left); }), "");
  std::ofstream(file) << "precious";
  EXPECT_THAT(listening_failure([&](JobServer& other) { other.listen_unix(file); }), HasSubstr("is no socket"));
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_THAT(listening_failure([&](JobServer& other) { other.listen_unix(folder.path(std::string(200, 'x'))); }),
              HasSubstr("1 to 107 bytes"));
}

TEST(JobServer, ListensOnLoopbackOnly) {
  for (const std::string host : {"0.0.0.0", "::", "192.0.2.1"})
    EXPECT_THAT(listening_failure([&](JobServer& server) { server.listen_tcp(host, 0); }),
                HasSubstr("TLS and identities come with a later version"));
}

TEST(JobServer, HangsUpOnABrokenStreamWithTheReasonAndServesTheOthers) {
  RunningServer server;
  RawPeer good = RawPeer::on(server.path()), broken = RawPeer::on(server.port());
  broken.send(std::string("\0FOO\0\0\0\7\0\0\0\0", 12));
  const Packet error = broken.packet();
  EXPECT_EQ(error.type, PacketType::error);
  EXPECT_EQ(error.args[0], "INVALID_MAGIC");
  EXPECT_TRUE(broken.is_hung_up_on());
  expect_echo(std::move(good));
}

TEST(JobServer, RefusesABodyAboveItsLimitByTheHeader) {
  JobServerOptions options;
  options.most_body = 1000;
  RunningServer server(options);
  RawPeer peer = RawPeer::on(server.path());
  peer.send(encode_request(PacketType::echo_req, {std::string(1001, 'x')}).substr(0, 12));
  EXPECT_EQ(peer.packet().args[0], "ARGUMENT_TOO_LARGE");
}

TEST(JobServer, TakesAWorkersLastWordsAlthoughItCannotBeAnsweredAnyMore) {
  RunningServer server;
  RawPeer client = RawPeer::on(server.path()), worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  client.send(PacketType::submit_job, {"f", "", "x"});
  client.packet();
  const auto [handle, data] = worker.next_job();
  auto release = server.hold();
  // The answer to the first packet fails while the result, longer than one read, has not been read to its end.
  worker.send(encode_request(PacketType::echo_req, {"x"}) +
              encode_request(PacketType::work_complete, {handle, std::string(100000, 'r')}));
  worker.hang_up();
  release.set_value();
  EXPECT_EQ(client.packet().type, PacketType::work_complete);
}

TEST(JobServer, TellsAClientThatItsWorkerWent) {
  RunningServer server;
  RawPeer client = RawPeer::on(server.path()), worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  client.send(PacketType::submit_job, {"f", "", "x"});
  client.packet();
  worker.next_job();
  worker.hang_up();
  EXPECT_EQ(client.packet().type, PacketType::work_fail);
}

TEST(JobServer, DropsAPeerThatDoesNotReadWhatItIsSent) {
  JobServerOptions options;
  options.most_unsent = 1 << 20;
  RunningServer server(options);
  RawPeer deaf = RawPeer::on(server.path());
  const std::string echo = encode_request(PacketType::echo_req, {std::string(100000, 'x')});
  EXPECT_THROW(
      {
        for (int i = 0; i < 10000; ++i) deaf.send(echo);
      },
      std::runtime_error);
  expect_echo(RawPeer::on(server.path()));
}

TEST(JobServer, WaitsWithoutSpinningWhenThereAreTooManyOpenFiles) {
  RunningServer server;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  RawPeer early = RawPeer::on(server.path());
  early.send("version\n");
  early.next();
  const int waiting = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int free_descriptor = ::dup(0);
  ::close(free_descriptor);
  const rlimit none{static_cast<rlim_t>(free_descriptor), limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  ::close(waiting);
  RawPeer late = RawPeer::on(server.path());  // takes the descriptor that was just closed
  late.send("version\n");
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  const timeval short_patience{0, 350000};
  ::setsockopt(late.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &short_patience, sizeof short_patience);
  EXPECT_THROW(late.next(), std::runtime_error);
  ::getrusage(RUSAGE_SELF, &after);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const timeval patience{10, 0};
  ::setsockopt(late.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(late.line(), "OK " MIGRATE_VERSION);
  const auto used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
                    before.ru_utime.tv_usec + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
                    after.ru_stime.tv_usec - before.ru_stime.tv_usec;
  EXPECT_LT(used, 20000) << "microseconds of CPU in 350 ms";
}

TEST(JobServer, ShutsDownOverItsUnixSocketOnly) {
  std::promise<void> asked;
  JobServerOptions options;
  options.on_shutdown = [&] { asked.set_value(); };
  RunningServer server(options);
  RawPeer remote = RawPeer::on(server.port());
  remote.send("shutdown\n");
  EXPECT_THAT(remote.line(), HasSubstr("ERR NOT_ALLOWED"));
  RawPeer owner = RawPeer::on(server.path());
  owner.send("shutdown\n");
  EXPECT_EQ(owner.line(), "OK");
  EXPECT_EQ(asked.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(JobServer, ShutsDownGracefullyWhenNoJobRunsAnyMore) {
  std::promise<void> asked;
  auto future = asked.get_future();
  JobServerOptions options;
  options.on_shutdown = [&] { asked.set_value(); };
  RunningServer server(options);
  RawPeer client = RawPeer::on(server.path()), worker = RawPeer::on(server.path());
  worker.send(PacketType::can_do, {"f"});
  client.send(PacketType::submit_job, {"f", "", "x"});
  client.packet();
  const auto [handle, data] = worker.next_job();
  client.send("shutdown graceful\n");
  EXPECT_EQ(client.line(), "OK");
  client.send(PacketType::echo_req, {"still there"});
  client.packet();
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  worker.send(PacketType::work_complete, {handle, "ok"});
  EXPECT_EQ(client.packet().type, PacketType::work_complete);
  EXPECT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace migrate
