#include "steps/http_check.h"

#include "steps/params.h"
#include "steps/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace migrate {

namespace {

constexpr std::chrono::milliseconds pause{500};
constexpr std::size_t shown_bytes = 160;

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return lowered;
}

std::optional<std::string> header(const HttpResponse& response, const std::string& name) {
  auto found = response.headers.find(name);
  return found == response.headers.end() ? std::nullopt : std::optional(found->second);
}

/// RFC 6797: max-age is required, and 0 takes HSTS back.
bool demands_hsts(std::string_view value) {
  std::string lowered = lower(value);
  std::size_t at = lowered.find("max-age");
  at = at == std::string::npos ? at : lowered.find_first_not_of(" =\"", at + 7);
  std::uint64_t seconds = 0;
  if (at == std::string::npos) return false;
  auto parsed = std::from_chars(lowered.data() + at, lowered.data() + lowered.size(), seconds);
  return parsed.ec == std::errc() && seconds > 0;
}

/// How the body begins, in one line.
std::string beginning_of(const std::string& body) {
  std::string line;
  for (char c : std::string_view(body).substr(0, 4 * shown_bytes)) {
    bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.empty()) return "its body is empty";
  bool cut = line.size() > shown_bytes;
  std::size_t end = std::min(line.size(), shown_bytes);
  while (cut && end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return fmt::format("it begins: {}{}", printable(line.substr(0, end)), cut ? " ..." : "");
}

class HttpCheck : public CheckAction {
 public:
  explicit HttpCheck(const boost::json::object& params)
      : contains_(text_param(params, "contains")), hsts_(flag_param(params, "hsts", false)) {
    request_.url = text_param(params, "url");
    request_.connect_to = text_param(params, "via");
    std::string family = text_param(params, "family");
    request_.family = family == "4" ? 4 : family == "6" ? 6 : 0;
    if (has_param(params, "status")) status_ = params.at("status").to_number<int>();
    if (has_param(params, "within")) within_ = std::chrono::milliseconds(params.at("within").to_number<std::int64_t>());
  }

  void verify(System& system, const State&, const boost::json::object&) const override {
    auto give_up = system.now() + within_;
    for (int tried = 1;; ++tried) {
      std::string wrong = what_is_wrong(system);
      if (wrong.empty()) return;
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - system.now());
      if (left <= std::chrono::milliseconds(0)) throw Failure(wrong + tries(tried));
      system.sleep(std::min(pause, left));
    }
  }

 private:
  std::string what_is_wrong(System& system) const {
    try {
      HttpResponse response = system.http(request_);
      std::string missed = missed_by(response);
      return missed.empty() ? "" : told(response, missed);
    } catch (const Failure& failure) {
      return failure.what();
    }
  }

  /// What was expected and isn't so; "" when all is.
  std::string missed_by(const HttpResponse& response) const {
    if (status_ && response.status != *status_) return fmt::format("expected {}", *status_);
    bool any_status = status_ || !contains_.empty();  // a page of words may well come with 503
    if (!any_status && (response.status < 200 || response.status > 399)) return "expected 200 to 399";
    if (!contains_.empty() && response.body.find(contains_) == std::string::npos) {
      return fmt::format("expected it to contain \"{}\"", contains_);
    }
    std::string demand = header(response, "strict-transport-security").value_or("");
    if (hsts_ && demand.empty()) return "expected HSTS, but there is no Strict-Transport-Security header";
    if (hsts_ && !demands_hsts(demand))
      return fmt::format("expected HSTS, but the header says \"{}\"", printable(demand));
    if (hsts_ && !lower(request_.url).starts_with("https:")) return "expected HSTS, which only counts over https";
    return "";
  }

  std::string told(const HttpResponse& response, const std::string& missed) const {
    std::string from = response.address.empty() ? "" : " from " + response.address;
    std::string place = header(response, "location").value_or("");
    if (!place.empty()) place = ", which redirects to " + printable(place);
    return fmt::format("{} answered {}{}{}, {}; {}.", request_.url, response.status, from, place, missed,
                       beginning_of(response.body));
  }

  std::string tries(int count) const {
    if (within_.count() == 0) return "";
    return fmt::format(" That was try {} in {:g} s.", count, static_cast<double>(within_.count()) / 1000);
  }

  HttpRequest request_;
  std::optional<int> status_;
  std::string contains_;
  std::chrono::milliseconds within_{0};
  bool hsts_;
};

}  // namespace

std::vector<ActionSchema> http_check_schemas() {
  ActionSchema schema;
  schema.name = "http.check";
  schema.summary = "Asks for a page and looks at what comes; redirects are not followed.";
  schema.placement = Placement::controller;
  schema.effect = Effect::reads;
  schema.fields = {
      {"url", FieldType::text, true, "http:// or https://", {}},
      {"status",
       FieldType::integer,
       false,
       "the status to expect; left out, with no `contains` either: 200 to 399",
       {}},
      {"contains", FieldType::text, false, "a text that the body must hold", {}},
      {"via", FieldType::text, false, "a host of the plan, or an address, to ask instead of what DNS says", {}},
      {"family", FieldType::choice, false, "ask over IPv4 or IPv6 only", {"4", "6"}},
      {"within", FieldType::duration, false, "how long to try again until it is so", {}},
      {"hsts", FieldType::boolean, false, "whether the answer must demand HTTPS for the future", {}},
  };
  schema.shorthand = "url";
  schema.example = "http.check: { url: \"https://www.example.org/\", status: 200, contains: Welcome, via: new }";
  return {schema};
}

std::unique_ptr<Action> make_http_check(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<HttpCheck>(params);
}

}  // namespace migrate
