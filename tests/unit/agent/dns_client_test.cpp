#include "runner/agent/dns_client.h"

#include "runner/agent/dns_refusal.h"
#include "runner/agent/dns_server.h"
#include "tests/unit/agent/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace migrate {

namespace {

const DnsKey good_key{"migrate-key", "hmac-sha256", "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZyE="};

std::string named_configuration(const std::string& folder, int port) {
  return fmt::format(
      "options {{ directory \"{0}\"; pid-file none; lock-file none; session-keyfile none; recursion no;\n"
      "  dnssec-validation no; notify no; empty-zones-enable no; minimal-responses no;\n"
      "  listen-on port {1} {{ 127.0.0.1; }}; listen-on-v6 port {1} {{ ::1; }}; }};\n"
      "controls {{ }};\n"
      "key \"migrate-key\" {{ algorithm hmac-sha256; secret \"{2}\"; }};\n"
      "key \"other-key\" {{ algorithm hmac-sha512; secret \"{2}\"; }};\n"
      "zone \"libravatar.test\" {{ type master; file \"libravatar\"; update-policy {{ grant migrate-key zonesub ANY;\n"
      "  grant other-key zonesub ANY; }}; }};\n"
      "zone \"frozen.test\" {{ type master; file \"frozen\"; }};\n",
      folder, port, good_key.secret);
}

constexpr const char* libravatar_zone =
    "$TTL 300\n"
    "@ IN SOA ns1 hostmaster ( 1 3600 600 86400 60 )\n"
    "  IN NS ns1\n"
    "  43200 IN A 192.0.2.10\n"
    "  43200 IN AAAA 2001:db8:1::10\n"
    "ns1 IN A 127.0.0.1\n"
    "cdn 60 IN A 203.0.113.6\n"
    "    60 IN A 192.0.2.10\n"
    "    60 IN A 203.0.113.5\n"
    "alias IN CNAME cdn\n"
    "far IN NS ns.elsewhere.test.\n";

}  // namespace

/// One BIND for all tests of this file; each test uses names of its own.
class DnsClient : public testing::Test {
 protected:
  struct Named {
    LoopbackFolder folder;
    int port = free_loopback_port();
    std::unique_ptr<LoopbackServer> server;

    Named() {
      std::string many;
      for (int i = 1; i <= 100; ++i) many += fmt::format("many IN A 203.0.113.{}\n", i);
      folder.write("named.conf", named_configuration(folder.path(), port));
      folder.write("libravatar", libravatar_zone + many);
      folder.write(
          "frozen",
          "$TTL 300\n@ IN SOA ns1 h ( 1 3600 600 86400 60 )\n IN NS ns1\n IN A 192.0.2.1\nns1 IN A 127.0.0.1\n");
      server = std::make_unique<LoopbackServer>(
          std::vector<std::string>{"named", "-g", "-n", "1", "-c", folder / "named.conf"}, " running");
    }
  };

  static void TearDownTestSuite() { named().reset(); }
  void SetUp() override {
    if (find_program("named").empty()) GTEST_SKIP() << "named is not installed (package bind9)";
    if (!named()) named() = std::make_unique<Named>();
  }
  static std::string bind() { return fmt::format("127.0.0.1:{}", named()->port); }
  static std::string sentence(const std::function<void()>& act) {
    try {
      act();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "no failure";
  }
  static DnsUpdate update(const std::string& name, const DnsRecordSet& expected, const DnsRecordSet& wanted) {
    return {"libravatar.test", {{name, "A", expected, wanted}}};
  }
  static std::unique_ptr<Named>& named() {
    static std::unique_ptr<Named> one;
    return one;
  }
};

namespace {

/// Listens on a port of its own and answers one message over TCP by what `answer_to` makes of it (both without length).
class OneAnswer {
 public:
  using Maker = std::function<std::string(const std::string& message)>;

  explicit OneAnswer(Maker answer_to) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in place = loopback(0);
    socklen_t length = sizeof place;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&place), length);
    ::listen(listener_, 1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&place), &length);
    port_ = ntohs(place.sin_port);
    thread_ = std::thread([this, answer_to] {
      int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (std::string message = receive(peer); !message.empty()) send(peer, answer_to(message));
      ::close(peer);
    });
  }
  ~OneAnswer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string place() const { return fmt::format("127.0.0.1:{}", port_); }

  /// What the server on that port answers.
  static std::string asked_of(int port, const std::string& message) {
    sockaddr_in place = loopback(port);
    int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string answer;
    if (::connect(server, reinterpret_cast<sockaddr*>(&place), sizeof place) == 0) {
      send(server, message);
      answer = receive(server);
    }
    ::close(server);
    return answer;
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    place.sin_port = htons(static_cast<std::uint16_t>(port));
    return place;
  }
  static std::string receive(int fd) {
    unsigned char size[2];
    if (::recv(fd, size, 2, MSG_WAITALL) != 2) return "";
    std::string message(std::size_t{size[0]} << 8 | size[1], '\0');
    return ::recv(fd, message.data(), message.size(), MSG_WAITALL) == static_cast<ssize_t>(message.size()) ? message
                                                                                                           : "";
  }
  static void send(int fd, const std::string& message) {
    std::string framed{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())};
    framed += message;
    [[maybe_unused]] auto sent = ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
  }

  int listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_F(DnsClient, ReadsWholeRecordSets) {
  EXPECT_EQ(dns_lookup(bind(), "libravatar.test", "A"), (DnsRecordSet{true, 43200, {"192.0.2.10"}}));
  EXPECT_EQ(dns_lookup(bind(), "libravatar.test", "AAAA"), (DnsRecordSet{true, 43200, {"2001:db8:1::10"}}));
  EXPECT_EQ(dns_lookup(bind(), "CDN.libravatar.test.", "A"),
            (DnsRecordSet{true, 60, {"192.0.2.10", "203.0.113.5", "203.0.113.6"}}));
}

TEST_F(DnsClient, SaysThatASetIsNotThere) {
  EXPECT_FALSE(dns_lookup(bind(), "cdn.libravatar.test", "AAAA").exists);
  EXPECT_FALSE(dns_lookup(bind(), "nobody.libravatar.test", "A").exists);
}

TEST_F(DnsClient, AsksAgainOverTcpWhenTheAnswerIsCut) {
  EXPECT_EQ(dns_lookup(bind(), "many.libravatar.test", "A").values.size(), 100u);
}

TEST_F(DnsClient, ReachesServersByNameAndOverIp6) {
  int port = named()->port;
  EXPECT_EQ(dns_lookup(fmt::format("[::1]:{}", port), "cdn.libravatar.test", "A").ttl, 60u);
  EXPECT_EQ(dns_lookup(fmt::format("localhost:{}", port), "cdn.libravatar.test", "A").ttl, 60u);
}

TEST_F(DnsClient, FindsTheZoneOfAName) {
  for (const char* name :
       {"libravatar.test", "cdn.libravatar.test", "not.there.libravatar.test", "alias.libravatar.test"}) {
    EXPECT_EQ(dns_find_zone(bind(), name), "libravatar.test") << name;
  }
}

TEST_F(DnsClient, RefusesAliasesAndNamesThatTheServerDoesNotHold) {
  EXPECT_NE(sentence([] {
              dns_lookup(bind(), "alias.libravatar.test", "A");
            }).find("is an alias (CNAME) of cdn.libravatar.test"),
            std::string::npos);
  EXPECT_NE(sentence([] { dns_lookup(bind(), "www.elsewhere.test", "A"); }).find("REFUSED"), std::string::npos);
  EXPECT_NE(sentence([] { dns_lookup(bind(), "www.far.libravatar.test", "A"); }).find("not an authority"),
            std::string::npos);
}

TEST_F(DnsClient, ChangesValuesAndTtlMakesAndRemovesSets) {
  const std::string name = "changing.libravatar.test";
  DnsRecordSet none, first{true, 300, {"192.0.2.1"}}, second{true, 60, {"192.0.2.1", "192.0.2.2"}},
      third{true, 3600, {"192.0.2.1", "192.0.2.2"}};
  const DnsRecordSet* steps[] = {&none, &first, &second, &third, &none};
  for (int i = 1; i < 5; ++i) {
    dns_send_update(bind(), good_key, update(name, *steps[i - 1], *steps[i]));
    EXPECT_EQ(dns_lookup(bind(), name, "A"), *steps[i]) << i;
  }
}

TEST_F(DnsClient, ChangesNothingWhenOnePrerequisiteOfManyFails) {
  DnsRecordSet first{true, 300, {"192.0.2.1"}}, other{true, 300, {"192.0.2.9"}};
  dns_send_update(bind(), good_key, update("one.libravatar.test", {}, first));
  DnsUpdate both{"libravatar.test",
                 {{"two.libravatar.test", "A", {}, first}, {"one.libravatar.test", "A", other, other}}};
  EXPECT_THROW(dns_send_update(bind(), good_key, both), DnsMismatch);
  EXPECT_FALSE(dns_lookup(bind(), "two.libravatar.test", "A").exists);
  EXPECT_EQ(dns_lookup(bind(), "one.libravatar.test", "A"), first);
  EXPECT_THROW(dns_send_update(bind(), good_key, update("one.libravatar.test", {}, other)), DnsMismatch);
}

TEST_F(DnsClient, SignsWithSha512Too) {
  DnsKey key{"other-key", "hmac-sha512", good_key.secret};
  dns_send_update(bind(), key, update("sha512.libravatar.test", {}, {true, 60, {"192.0.2.1"}}));
  EXPECT_TRUE(dns_lookup(bind(), "sha512.libravatar.test", "A").exists);
}

TEST_F(DnsClient, ExplainsRefusedKeysAndZones) {
  DnsRecordSet set{true, 60, {"192.0.2.1"}};
  DnsUpdate fine = update("refused.libravatar.test", {}, set);
  DnsKey wrong = good_key, unknown = good_key, odd = good_key;
  wrong.secret = "d3JvbmcgIHNlY3JldCBvZiB0aGUgdGVzdHMsIDMyIGI=";
  unknown.name = "nobody";
  odd.algorithm = "hmac-sha384";
  auto with = [&](const DnsKey& key, const DnsUpdate& update) {
    return sentence([&] { dns_send_update(bind(), key, update); });
  };
  EXPECT_NE(with(wrong, fine).find("BADSIG"), std::string::npos) << with(wrong, fine);
  EXPECT_NE(with(unknown, fine).find("BADKEY"), std::string::npos) << with(unknown, fine);
  EXPECT_NE(with(odd, fine).find("hmac-sha384, which is not supported"), std::string::npos);
  std::string refused = with(good_key, {"frozen.test", {{"frozen.test", "A", {true, 300, {"192.0.2.1"}}, set}}});
  EXPECT_NE(refused.find("refused the update of the zone frozen.test: the key \"migrate-key\" may not change it"),
            std::string::npos)
      << refused;
  std::string no_zone = with(good_key, {"elsewhere.test", {{"a.elsewhere.test", "A", {}, set}}});
  EXPECT_NE(no_zone.find("NOTAUTH"), std::string::npos) << no_zone;
  EXPECT_FALSE(dns_lookup(bind(), "refused.libravatar.test", "A").exists);
}

TEST_F(DnsClient, BelievesNoSignedAnswerThatWasChangedOnItsWay) {
  for (bool changed : {false, true}) {
    OneAnswer relay([changed, port = named()->port](const std::string& message) {
      std::string answer = OneAnswer::asked_of(port, message);
      if (changed) answer.at(3) = 0;  // NXRRSET becomes NOERROR
      return answer;
    });
    DnsRecordSet set{true, 60, {"192.0.2.1"}};
    std::string said =
        sentence([&] { dns_send_update(relay.place(), good_key, update("relayed.libravatar.test", set, set)); });
    EXPECT_EQ(said.find("is not signed with the key") != std::string::npos, changed) << said;
    EXPECT_EQ(said.find("(NXRRSET); nothing was changed") != std::string::npos, !changed) << said;
  }
}

TEST(DnsClientAlone, BelievesNoUnsignedAnswer) {
  for (std::uint8_t rcode : {0, 8}) {  // NOERROR, NXRRSET
    OneAnswer server([rcode](const std::string& message) {
      return message.substr(0, 2) + "\xA8" + static_cast<char>(rcode) + std::string(8, '\0');
    });
    DnsUpdate update{"a.test", {{"a.test", "A", {}, {true, 60, {"192.0.2.1"}}}}};
    try {
      dns_send_update(server.place(), good_key, update);
      ADD_FAILURE() << "believed rcode " << int(rcode);
    } catch (const DnsMismatch&) {
      ADD_FAILURE() << "believed rcode " << int(rcode);
    } catch (const Failure& failure) {
      EXPECT_NE(std::string(failure.what()).find("is not signed with the key"), std::string::npos) << failure.what();
    }
  }
}

TEST(DnsClientAlone, SaysWhichServerDoesNotAnswer) {
  std::string server = fmt::format("127.0.0.1:{}", free_loopback_port());
  try {
    dns_send_update(server, good_key, {"a.test", {{"a.test", "A", {}, {true, 60, {"192.0.2.1"}}}}});
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_EQ(
        failure.what(),
        fmt::format("The DNS server {0} does not answer over TCP, tried 3 times: {0}: Connection refused.", server));
  }
}

TEST(DnsClientAlone, ReadsServersAsPeopleWriteThem) {
  auto shown = [](const std::string& server) { return dns_server_addresses(server).at(0).text; };
  EXPECT_EQ(shown("192.0.2.53"), "192.0.2.53");
  EXPECT_EQ(shown("192.0.2.53:5353"), "192.0.2.53:5353");
  EXPECT_EQ(shown("2001:DB8::53"), "2001:db8::53");
  EXPECT_EQ(shown("[2001:db8::53]"), "2001:db8::53");
  EXPECT_EQ(shown("[2001:db8::53]:5353"), "[2001:db8::53]:5353");
  for (const char* bad : {"", ":53", "a:", "a:0", "a:65536", "a:5x", "[::1]53", "[]:53"}) {
    EXPECT_THROW(dns_server_addresses(bad), Failure) << bad;
  }
}

TEST(DnsClientAlone, HasASentenceForEveryRefusal) {
  for (int rcode = 1; rcode <= 16; ++rcode)
    EXPECT_THROW(require_done({rcode, 0, true}, "ns1", "k", "z"), Failure) << rcode;
  for (int error : {16, 17, 18, 22, 99})
    EXPECT_THROW(require_done({9, error, false}, "ns1", "k", "z"), Failure) << error;
  require_done({0, 0, true}, "ns1", "k", "z");
}

}  // namespace migrate
