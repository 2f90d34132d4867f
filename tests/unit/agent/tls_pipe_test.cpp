#include "runner/agent/tls_pipe.h"

#include "runner/agent/framed_pipe.h"
#include "runner/agent/tls_stream.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace migrate {
namespace {

using namespace std::chrono_literals;

struct PipeEnds {
  std::unique_ptr<Pipe> target, source;
};

/// An offer that only the loopback answers: what a test needs of it.
struct WaitingTarget {
  WaitingTarget(std::chrono::milliseconds timeout = 20s) {
    std::promise<PipeOffer> announced;
    auto coming = announced.get_future();
    peer = std::async(std::launch::async, [announced = std::move(announced), timeout]() mutable {
      return accept_tls_pipe([&](const PipeOffer& made) { announced.set_value(made); }, timeout);
    });
    offer = coming.get();
  }
  PipeOffer on_loopback() const { return {{"127.0.0.1"}, offer.port, offer.key}; }

  PipeOffer offer;
  std::future<std::unique_ptr<Pipe>> peer;
};

PipeEnds joined_pipe() {
  WaitingTarget target;
  auto source = connect_tls_pipe(target.on_loopback(), 20s);
  return {target.peer.get(), std::move(source)};
}

struct JoinedStreams {
  TlsStream accepts, connects;
};

JoinedStreams joined_streams() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int connected = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(connected, reinterpret_cast<sockaddr*>(&address), size), 0);
  const std::string key = new_pipe_key();
  JoinedStreams joined{TlsStream(::accept(listener, nullptr, nullptr), TlsStream::Side::accepts, key),
                       TlsStream(connected, TlsStream::Side::connects, key)};
  ::close(listener);
  bool first = false, second = false;
  while (!first || !second) {
    second = second || joined.connects.handshake() == TlsStream::Progress::done;
    first = first || joined.accepts.handshake() == TlsStream::Progress::done;
  }
  return joined;
}

/// A pipe whose ends take each other for dead after `silence`.
PipeEnds impatient_pipe(std::chrono::milliseconds quiet, std::chrono::milliseconds silence) {
  auto streams = joined_streams();
  return {std::make_unique<FramedPipe>(std::move(streams.accepts), quiet, silence),
          std::make_unique<FramedPipe>(std::move(streams.connects), quiet, silence)};
}

/// Connects and says `words`; the socket is the caller's.
int stranger_at(int port, const std::string& words) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(socket, words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  return socket;
}

Exit run_one_way(Pipe& pipe, std::vector<std::string> argv, int in_fd, int out_fd, std::string input = {}) {
  Command command;
  command.argv = std::move(argv);
  command.input = std::move(input);
  return run_command_through(pipe, command, in_fd, out_fd, 60s, nullptr, nullptr);
}

template <class F>
std::string pipe_failure_in(F&& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

TEST(TlsPipe, CarriesFramesBothWaysInOrder) {
  auto [target, source] = joined_pipe();
  source->send(Pipe::Kind::note, R"({"a":1})");
  source->send(Pipe::Kind::bytes, std::string("\0\1\2", 3));
  source->send(Pipe::Kind::end, "");
  target->send(Pipe::Kind::error, "It is broken.");
  auto note = target->receive(), bytes = target->receive(), end = target->receive(), error = source->receive();
  EXPECT_EQ(note.kind, Pipe::Kind::note);
  EXPECT_EQ(note.data, R"({"a":1})");
  EXPECT_EQ(bytes.data, std::string("\0\1\2", 3));
  EXPECT_EQ(end.kind, Pipe::Kind::end);
  EXPECT_EQ(error.kind, Pipe::Kind::error);
  EXPECT_EQ(error.data, "It is broken.");
}

TEST(TlsPipe, AnnouncesLoopbackLastAndAKeyOf32Bytes) {
  WaitingTarget target;
  ASSERT_FALSE(target.offer.addresses.empty());
  EXPECT_TRUE(target.offer.addresses.back() == "127.0.0.1" || target.offer.addresses.back() == "::1");
  EXPECT_EQ(target.offer.key.size(), 64u);
  EXPECT_GT(target.offer.port, 0);
  auto source = connect_tls_pipe(target.offer, 20s);  // as announced: the first address that works
  source->send(Pipe::Kind::note, "{}");
  EXPECT_EQ(target.peer.get()->receive().data, "{}");
}

TEST(TlsPipe, TurnsAwayAPeerWithoutTheKeyAndGoesOnWaiting) {
  WaitingTarget target;
  auto wrong = target.on_loopback();
  wrong.key = new_pipe_key();
  const auto said = pipe_failure_in([&] { connect_tls_pipe(wrong, 5s); });
  EXPECT_NE(said.find("127.0.0.1: it does not know the key"), std::string::npos) << said;
  const int talks_http = stranger_at(target.offer.port, "GET / HTTP/1.0\r\n\r\n");
  const int says_nothing = stranger_at(target.offer.port, "");
  auto source = connect_tls_pipe(target.on_loopback(), 20s);
  source->send(Pipe::Kind::note, "it is me");
  EXPECT_EQ(target.peer.get()->receive().data, "it is me");
  ::close(talks_http);
  ::close(says_nothing);
}

TEST(TlsPipe, GivesUpWaitingWithASentence) {
  const auto said = pipe_failure_in([] { accept_tls_pipe([](const PipeOffer&) {}, 50ms); });
  EXPECT_NE(said.find("did not connect"), std::string::npos) << said;
}

TEST(TlsPipe, NamesEveryAddressThatItTried) {
  WaitingTarget gone(1ms);
  gone.peer.wait();
  const auto said = pipe_failure_in([&] {
    connect_tls_pipe({{"127.0.0.1", "::1", "no address"}, gone.offer.port, gone.offer.key}, 5s);
  });
  EXPECT_NE(said.find("127.0.0.1: Connection refused"), std::string::npos) << said;
  EXPECT_NE(said.find("::1: "), std::string::npos) << said;
  EXPECT_NE(said.find("no address: "), std::string::npos) << said;
}

TEST(TlsPipe, SaysWhenTheOtherEndIsGone) {
  auto [target, source] = joined_pipe();
  source.reset();
  EXPECT_NE(pipe_failure_in([&] { target->receive(); }).find("is gone"), std::string::npos);
}

TEST(TlsPipe, AnErrorArrivesThoughItsSenderLeavesAtOnceWithDataUnread) {
  auto [target, source] = joined_pipe();
  source->send(Pipe::Kind::bytes, std::string(1 << 20, 'x'));
  target->send(Pipe::Kind::error, "The disk is full.");
  auto leaving = std::async(std::launch::async, [&end = target] { end.reset(); });
  EXPECT_EQ(source->receive().data, "The disk is full.");
  source.reset();
  leaving.get();
}

TEST(TlsPipe, ABlockedSenderHearsTheReceiversFailure) {
  auto [target, source] = joined_pipe();
  target->send(Pipe::Kind::error, "The disk is full.");
  const auto said = pipe_failure_in([&end = source] {
    for (int i = 0; i < 64; ++i) end->send(Pipe::Kind::bytes, std::string(1 << 20, 'x'));
  });
  EXPECT_NE(said.find("The disk is full."), std::string::npos) << said;
}

TEST(TlsPipe, SilenceIsAFailureAndKeepAlivesAreNoSilence) {
  auto [target, source] = impatient_pipe(20ms, 400ms);
  auto late = std::async(std::launch::async, [&end = target] { return end->receive().data; });
  // The source does something else for longer than the silence that is allowed; its keep-alives go on.
  EXPECT_EQ(late.wait_for(1200ms), std::future_status::timeout);
  source->send(Pipe::Kind::note, "at last");
  EXPECT_EQ(late.get(), "at last");

  auto [waiting, mute] = impatient_pipe(10min, 200ms);
  EXPECT_NE(pipe_failure_in([&end = waiting] { end->receive(); }).find("silent"), std::string::npos);
}

TEST(TlsPipe, RefusesAFrameThatDoesNotExist) {
  auto streams = joined_streams();
  FramedPipe pipe(std::move(streams.accepts));
  std::size_t count = 0;
  streams.connects.write(std::string_view("\1\xff\xff\xff\xff", 5), count);
  EXPECT_NE(pipe_failure_in([&] { pipe.receive(); }).find("doesn't exist"), std::string::npos);
}

TEST(RunThrough, CopiesAProgramsOutputIntoAnotherOne) {
  auto [target, source] = joined_pipe();
  auto sent = std::async(std::launch::async, [&end = source] {
    return run_one_way(*end, {"sh", "-c", "seq 1 1000000; echo said >&2"}, -1, 1);
  });
  const Exit received = run_one_way(*target, {"sh", "-c", "cksum; exit 0"}, 0, -1);
  EXPECT_EQ(received.out, "3634730569 6888896\n");  // of `seq 1 1000000 | cksum`
  EXPECT_TRUE(received.ok());
  const Exit of_source = sent.get();
  EXPECT_TRUE(of_source.ok());
  EXPECT_EQ(of_source.err, "said\n");
}

TEST(RunThrough, UsesHigherDescriptorsAndLeavesTheUsualOnesAlone) {
  auto [target, source] = joined_pipe();
  auto sent = std::async(std::launch::async, [&end = source] {
    return run_one_way(*end, {"sh", "-c", "cat >&4; echo aside"}, -1, 4, "through");
  });
  const Exit received = run_one_way(*target, {"sh", "-c", "cat <&3; cat"}, 3, -1, " and in");
  EXPECT_EQ(received.out, "through and in");
  EXPECT_EQ(sent.get().out, "aside\n");
}

TEST(RunThrough, RunsBothWaysAtOnceWithoutADeadlock) {
  auto [target, source] = joined_pipe();
  // Each has 20 MB to write and as many to read; bounded buffers lie between. Neither ends before the other's end.
  const std::vector<std::string> argv{"sh", "-c",
                                      "exec 5<&0; wc -c <&5 >&2 & head -c 20000000 /dev/zero; exec >&- 5<&-; wait"};
  auto other = std::async(std::launch::async, [&end = source, &argv] { return run_one_way(*end, argv, 0, 1); });
  EXPECT_EQ(run_one_way(*target, argv, 0, 1).err, "20000000\n");
  EXPECT_EQ(other.get().err, "20000000\n");
}

TEST(RunThrough, AProgramThatFailsSaysNoEndSoThatItsPeerTakesNothingForComplete) {
  auto [target, source] = joined_pipe();
  auto received = std::async(
      std::launch::async, [&end = target] { return pipe_failure_in([&end] { run_one_way(*end, {"cat"}, 0, -1); }); });
  const Exit exit = run_one_way(*source, {"sh", "-c", "echo half; echo broken >&2; exit 3"}, -1, 1);
  EXPECT_EQ(exit.code, 3);
  EXPECT_EQ(exit.err, "broken\n");
  source->send(Pipe::Kind::error, "pg_dump failed: broken");
  EXPECT_EQ(received.get(), "The other host said: pg_dump failed: broken");
}

TEST(RunThrough, AReceiverThatFailsEndsTheSender) {
  auto [target, source] = joined_pipe();
  auto sent = std::async(std::launch::async, [&end = source] {
    return pipe_failure_in([&end] { run_one_way(*end, {"cat", "/dev/zero"}, -1, 1); });
  });
  EXPECT_EQ(run_one_way(*target, {"sh", "-c", "head -c 100000 >/dev/null; exit 5"}, 0, -1).code, 5);
  target->send(Pipe::Kind::error, "No space left.");
  EXPECT_EQ(sent.get(), "The other host said: No space left.");
}

TEST(RunThrough, EndsTheProgramAtItsTimeOut) {
  auto [target, source] = joined_pipe();
  Command command;
  command.argv = {"sleep", "1000"};
  const Exit exit = run_command_through(*source, command, -1, 1, 100ms, nullptr, nullptr);
  EXPECT_TRUE(exit.timed_out);
  EXPECT_FALSE(exit.ok());
}

TEST(RunThrough, CountsBytesAndTellsLines) {
  auto [target, source] = joined_pipe();
  auto received = std::async(std::launch::async, [&end = target] { return run_one_way(*end, {"cat"}, 0, -1); });
  Command command;
  command.argv = {"sh", "-c", "printf 12345; echo one >&2; echo two >&2"};
  command.stream = true;
  std::uint64_t bytes = 0;
  std::string lines;
  run_command_through(
      *source, command, -1, 1, 20s, [&](std::uint64_t done) { bytes = done; },
      [&](std::string_view line) { lines.append(line).append("|"); });
  EXPECT_EQ(bytes, 5u);
  EXPECT_EQ(lines, "one|two|");
  EXPECT_EQ(received.get().out, "12345");
}

/// Not a test of speed, which a busy machine would fail: it prints what was measured.
TEST(RunThrough, ThroughputOnLoopback) {
  auto [target, source] = joined_pipe();
  constexpr std::uint64_t size = 300'000'000;
  const auto began = std::chrono::steady_clock::now();
  auto sent = std::async(std::launch::async, [&end = source] {
    return run_one_way(*end, {"head", "-c", std::to_string(size), "/dev/zero"}, -1, 1);
  });
  EXPECT_EQ(run_one_way(*target, {"sh", "-c", "wc -c"}, 0, -1).out, std::to_string(size) + "\n");
  EXPECT_TRUE(sent.get().ok());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  RecordProperty("MB_per_second", std::to_string(static_cast<double>(size) / 1e6 / took.count()));
  std::printf("           %.0f MB/s through a program, the pipe and a program\n",
              static_cast<double>(size) / 1e6 / took.count());
}

}  // namespace
}  // namespace migrate
