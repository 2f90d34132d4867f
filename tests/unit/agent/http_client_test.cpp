#include "runner/agent/http_client.h"

#include "runner/agent/http_trouble.h"
#include "tests/unit/agent/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace migrate {

namespace {

/// Serves over HTTP, HTTPS with a good and HTTPS with an expired certificate (on IPv4), and over HTTP on IPv6.
constexpr const char* page_server = R"(
import http.server, socket, ssl, sys, threading
folder = sys.argv[1]
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/busy': return self.reply(503, b'down for a while', [('X-Twice', 'one'), ('X-Twice', 'two')])
        if self.path == '/away': return self.reply(302, b'gone', [('Location', '/'), ('X-Old', 'yes')])
        if self.path == '/disk': return self.reply(302, b'', [('Location', 'file:///etc/hostname')])
        if self.path == '/endless': return self.endless()
        self.reply(200, b'Libravatar ' + self.headers['Host'].encode(), [('Strict-Transport-Security', 'max-age=1')])
    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True: self.wfile.write(b'x' * 65536)
        except OSError: pass
    def log_message(self, *words): pass
class V6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
ports = []
def serve(kind, host, certificate):
    server = kind((host, 0), Pages)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + '/' + certificate, folder + '/server.key')
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *words: None
    ports.append(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
V4 = http.server.ThreadingHTTPServer
serve(V4, '127.0.0.1', None)
serve(V4, '127.0.0.1', 'good.pem')
serve(V4, '127.0.0.1', 'expired.pem')
serve(V6, '::1', None)
print('ready', *ports, file=sys.stderr, flush=True)
threading.Event().wait()
)";

}  // namespace

class HttpClient : public testing::Test {
 protected:
  struct Pages {
    LoopbackFolder folder;
    std::unique_ptr<LoopbackServer> server;
    int http = 0, https = 0, expired = 0, http6 = 0;

    Pages() {
      make_certificates();
      folder.write("server.py", page_server);
      server = std::make_unique<LoopbackServer>(
          std::vector<std::string>{"python3", folder / "server.py", folder.path()}, "ready");
      std::sscanf(server->line().c_str(), "ready %d %d %d %d", &http, &https, &expired, &http6);
    }
    void make_certificates() const {
      Command command;
      command.chdir = folder.path();
      command.argv = {
          "sh", "-ec",
          "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
          "openssl req -x509 $key -keyout ca.key -out ca.pem -subj '/CN=authority of the tests' -days 2\n"
          "openssl req $key -keyout server.key -out server.csr -subj /CN=server"
          " -addext subjectAltName=DNS:www.example.test\n"
          "sign='openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy'\n"
          "$sign -days 2 -out good.pem\n"
          "$sign -days -1 -out expired.pem\n"};
      Exit exit = run_to_end(command, std::chrono::seconds(60), nullptr);
      if (!exit.ok()) throw std::runtime_error(exit.err);
    }
  };

  static void TearDownTestSuite() { pages().reset(); }
  void SetUp() override {
    for (const char* program : {"python3", "openssl"}) {
      if (find_program(program).empty()) GTEST_SKIP() << program << " is not installed";
    }
    if (!pages()) pages() = std::make_unique<Pages>();
    ::setenv("CURL_CA_BUNDLE", (pages()->folder / "ca.pem").c_str(), 1);
  }
  void TearDown() override { ::unsetenv("CURL_CA_BUNDLE"); }

  static std::unique_ptr<Pages>& pages() {
    static std::unique_ptr<Pages> one;
    return one;
  }
  static HttpRequest request(const std::string& url, const std::string& connect_to = "") {
    HttpRequest made;
    made.url = url;
    made.connect_to = connect_to;
    return made;
  }
  static HttpRequest plain(const std::string& path) {
    return request(fmt::format("http://127.0.0.1:{}{}", pages()->http, path));
  }
  static std::string sentence_of(const HttpRequest& asked) {
    try {
      http_fetch(asked);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "no failure";
  }
};

namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_F(HttpClient, GivesStatusHeadersAndBody) {
  HttpResponse response = http_fetch(plain("/busy"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "down for a while");
  EXPECT_EQ(response.headers.at("x-twice"), "one, two");
  EXPECT_EQ(response.address, "127.0.0.1");
}

TEST_F(HttpClient, AsksAnotherServerThanDnsSaysAndStillChecksTheName) {
  int port = pages()->https;
  HttpResponse response = http_fetch(request(fmt::format("https://www.example.test:{}/", port), "127.0.0.1"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, fmt::format("Libravatar www.example.test:{}", port));
  EXPECT_EQ(response.headers.at("strict-transport-security"), "max-age=1");
  std::string wrong_name = sentence_of(request(fmt::format("https://mail.example.test:{}/", port), "127.0.0.1"));
  EXPECT_TRUE(holds(wrong_name, "its certificate is not valid for this name")) << wrong_name;
}

TEST_F(HttpClient, RefusesExpiredCertificatesAndUnknownAuthorities) {
  std::string expired =
      sentence_of(request(fmt::format("https://www.example.test:{}/", pages()->expired), "127.0.0.1"));
  EXPECT_TRUE(holds(expired, "its certificate has expired")) << expired;
  ::unsetenv("CURL_CA_BUNDLE");
  std::string unknown = sentence_of(request(fmt::format("https://www.example.test:{}/", pages()->https), "127.0.0.1"));
  EXPECT_TRUE(holds(unknown, "an authority unknown to this machine")) << unknown;
}

TEST_F(HttpClient, FollowsRedirectsOnlyWhenAskedTo) {
  HttpResponse stayed = http_fetch(plain("/away"));
  EXPECT_EQ(stayed.status, 302);
  EXPECT_EQ(stayed.headers.at("location"), "/");
  HttpRequest following = plain("/away");
  following.follow_redirects = true;
  HttpResponse followed = http_fetch(following);
  EXPECT_EQ(followed.status, 200);
  EXPECT_TRUE(followed.body.starts_with("Libravatar")) << followed.body;
  EXPECT_EQ(followed.headers.count("x-old"), 0u);
}

TEST_F(HttpClient, ReadsNoFilesOfThisMachine) {
  HttpRequest following = plain("/disk");
  following.follow_redirects = true;
  EXPECT_NE(sentence_of(following), "no failure");
  EXPECT_NE(sentence_of(request("file:///etc/hostname")), "no failure");
}

TEST_F(HttpClient, KeepsOneMebibyteOfAnEndlessBody) {
  HttpResponse response = http_fetch(plain("/endless"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), 1u << 20);
}

TEST_F(HttpClient, HoldsToTheFamilyOfAddresses) {
  HttpRequest asked = request(fmt::format("http://localhost:{}/", pages()->http6));
  asked.family = 6;
  EXPECT_EQ(http_fetch(asked).address, "::1");
  EXPECT_EQ(http_fetch(request(fmt::format("http://www.example.test:{}/", pages()->http6), "::1")).address, "::1");
  asked.family = 4;
  EXPECT_TRUE(holds(sentence_of(asked), "no connection for IPv4, Connection refused")) << sentence_of(asked);
}

TEST_F(HttpClient, GivesUpAfterItsTime) {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::listen(listener, 1);  // bound to a free port; nobody ever answers
  sockaddr_in place{};
  socklen_t length = sizeof place;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&place), &length);
  HttpRequest asked = request(fmt::format("http://127.0.0.1:{}/", ntohs(place.sin_port)));
  asked.timeout = std::chrono::milliseconds(150);
  EXPECT_TRUE(holds(sentence_of(asked), "not done within 0.15 s")) << sentence_of(asked);
  ::close(listener);
}

TEST_F(HttpClient, SaysWhereNobodyListens) {
  std::string url = fmt::format("http://www.example.test:{}/", free_loopback_port());
  std::string said = sentence_of(request(url, "127.0.0.1"));
  EXPECT_TRUE(said.starts_with(url + " via 127.0.0.1 gave no answer: no connection, Connection refused")) << said;
}

TEST(HttpTroubleSentence, NamesTheCause) {
  HttpTrouble trouble;
  trouble.url = "http://nobody.test/";
  trouble.cause = HttpTrouble::Cause::unknown_name;
  trouble.family = 6;
  trouble.words = "Could not resolve host: nobody.test";
  EXPECT_EQ(
      sentence(trouble),
      "http://nobody.test/ gave no answer: the name is not known for IPv6 (Could not resolve host: nobody.test).");
}

}  // namespace migrate
