#include "runner/agent/http_client.h"

#include "runner/agent/http_trouble.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>

namespace migrate {

namespace {

constexpr std::size_t body_limit = 1 << 20;
constexpr std::size_t header_limit = 1 << 18;

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

/// What has come so far. A redirect or an interim answer (1xx) begins it anew.
struct Received {
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool body_is_full = false;
};

std::string trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::size_t take_header(char* data, std::size_t one, std::size_t size, void* into) {
  auto& received = *static_cast<Received*>(into);
  std::string_view line(data, one * size);
  received.header_bytes += line.size();
  if (received.header_bytes > header_limit) return 0;
  if (line.starts_with("HTTP/")) {
    received.response.headers.clear();
    received.response.body.clear();
  }
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name = trimmed(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  std::string& value = received.response.headers[name];
  value += (value.empty() ? "" : ", ") + trimmed(line.substr(colon + 1));
  return line.size();
}

/// Returning less than it was given ends the transfer: the rest of a large page is not waited for.
std::size_t take_body(char* data, std::size_t one, std::size_t size, void* into) {
  auto& received = *static_cast<Received*>(into);
  std::string& body = received.response.body;
  std::size_t room = std::min(one * size, body_limit - body.size());
  body.append(data, room);
  received.body_is_full = room < one * size;
  return room;
}

/// The host as the URL has it (IPv6 in brackets); throws Failure for what is no http(s) URL.
std::string host_of(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  if (code == CURLUE_OK) code = curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0);
  std::unique_ptr<char, decltype(&curl_free)> owned(host, curl_free);
  if (code != CURLUE_OK) throw Failure(fmt::format("\"{}\" is not a URL: {}.", url, curl_url_strerror(code)));
  return host;
}

/// HOST::CONNECT-TO-HOST: only that host's requests go elsewhere; where a redirect to another leads, DNS says.
CurlList connect_to(const HttpRequest& request) {
  CurlList list(nullptr, curl_slist_free_all);
  if (request.connect_to.empty()) return list;
  bool bare_ip6 = request.connect_to.find(':') != std::string::npos && !request.connect_to.starts_with('[');
  std::string to = bare_ip6 ? "[" + request.connect_to + "]" : request.connect_to;
  std::string entry = fmt::format("{}::{}:", host_of(request.url), to);
  list.reset(curl_slist_append(nullptr, entry.c_str()));
  return list;
}

void set_trust(CURL* curl) {
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(variable);
    if (file == nullptr || *file == '\0') continue;
    curl_easy_setopt(curl, CURLOPT_CAINFO, file);
    return;
  }
}

void set_request(CURL* curl, const HttpRequest& request, const curl_slist* elsewhere) {
  long family = request.family == 4   ? CURL_IPRESOLVE_V4
                : request.family == 6 ? CURL_IPRESOLVE_V6
                                      : CURL_IPRESOLVE_WHATEVER;
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_IPRESOLVE, family);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, elsewhere);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // a check is about that server, not about a proxy of this machine
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "migrate/" MIGRATE_VERSION);
  set_trust(curl);
}

HttpTrouble trouble(CURL* curl, CURLcode code, const char* words, const HttpRequest& request) {
  HttpTrouble found;
  long os_error = 0, verify_result = 0;
  char* address = nullptr;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verify_result);
  curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
  found.url = request.url;
  found.connect_to = request.connect_to;
  found.family = request.family;
  found.address = address != nullptr ? address : "";
  found.words = *words != '\0' ? words : curl_easy_strerror(code);
  found.os_error = static_cast<int>(os_error);
  found.verify_result = verify_result;
  found.timeout = request.timeout;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      found.cause = HttpTrouble::Cause::unknown_name;
      break;
    case CURLE_COULDNT_CONNECT:
      found.cause = HttpTrouble::Cause::no_connection;
      break;
    case CURLE_OPERATION_TIMEDOUT:
      found.cause = HttpTrouble::Cause::timed_out;
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
      found.cause = HttpTrouble::Cause::certificate;
      break;
    case CURLE_SSL_CONNECT_ERROR:
      found.cause = HttpTrouble::Cause::tls;
      break;
    default:
      break;
  }
  return found;
}

}  // namespace

HttpResponse http_fetch(const HttpRequest& request) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_ALL); });
  Curl curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw Failure("libcurl cannot be started: out of memory.");
  CurlList elsewhere = connect_to(request);
  Received received;
  char words[CURL_ERROR_SIZE] = "";
  set_request(curl.get(), request, elsewhere.get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &received);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &received);
  CURLcode code = curl_easy_perform(curl.get());
  bool had_enough = code == CURLE_WRITE_ERROR && received.body_is_full;
  if (code != CURLE_OK && !had_enough) throw Failure(sentence(trouble(curl.get(), code, words, request)));
  long status = 0;
  char* address = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl.get(), CURLINFO_PRIMARY_IP, &address);
  received.response.status = static_cast<int>(status);
  received.response.address = address != nullptr ? address : "";
  return std::move(received.response);
}

}  // namespace migrate
