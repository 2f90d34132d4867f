#include "steps/dns_key.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

namespace migrate {

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Failure("The secret that `dns: key:` names holds no TSIG key: " + why +
                " It should hold what `tsig-keygen -a hmac-sha256 NAME` prints, or one line NAME:BASE64.");
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

/// Where the comment that begins at `at` ends; `at` itself when none begins there.
std::size_t after_comment(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at);
  if (rest.starts_with("//") || rest.starts_with('#')) return std::min(text.find('\n', at), text.size());
  if (!rest.starts_with("/*")) return at;
  std::size_t end = text.find("*/", at + 2);
  return end == std::string_view::npos ? text.size() : end + 2;
}

/// The words of a configuration of BIND: quoted texts without their quotes, and { } ; each alone.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (std::size_t end = after_comment(text, at); end != at || is_blank(text[at])) {
      at = std::max(end, at + 1);
    } else if (text[at] == '"') {
      std::size_t close = text.find('"', at + 1);
      if (close == std::string_view::npos) refuse("a quotation mark is not closed.");
      words.emplace_back(text.substr(at + 1, close - at - 1));
      at = close + 1;
    } else {
      // Base64 holds slashes: inside a word they begin no comment.
      std::size_t stop = std::min(text.find_first_of(" \t\r\n\";{}", at), text.size());
      if (stop == at) ++stop;
      words.emplace_back(text.substr(at, stop - at));
      at = stop;
    }
  }
  return words;
}

DnsKey from_key_file(const std::vector<std::string>& words) {
  if (words.size() < 3 || words[2] != "{") refuse("after `key` a name and { were expected.");
  DnsKey key{words[1], "", ""};
  std::size_t at = 3;
  for (; at + 2 < words.size() && words[at] != "}"; at += 3) {
    if (words[at + 2] != ";") refuse("a semicolon is missing.");
    if (words[at] == "algorithm") key.algorithm = words[at + 1];
    if (words[at] == "secret") key.secret = words[at + 1];
  }
  if (at >= words.size() || words[at] != "}") refuse("the closing } is missing.");
  if (at + 2 < words.size()) refuse("something follows the key; it may hold one key only.");
  if (key.algorithm.empty() || key.secret.empty()) refuse("it lacks `algorithm` or `secret`.");
  return key;
}

DnsKey from_line(const std::string& line) {
  std::size_t first = line.find(':');
  std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
  if (first == std::string::npos) refuse("it is in no known form.");
  if (second == std::string::npos) return {line.substr(0, first), "hmac-sha256", line.substr(first + 1)};
  return {line.substr(first + 1, second - first - 1), line.substr(0, first), line.substr(second + 1)};
}

bool is_base64(std::string_view text) {
  std::size_t padding = text.size() - std::min(text.find('='), text.size());
  if (text.empty() || text.size() % 4 != 0 || padding > 2) return false;
  text.remove_suffix(padding);
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '/'; });
}

bool is_name(std::string_view text) {
  auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() < 254 && std::all_of(text.begin(), text.end(), fits);
}

std::string lower_without_final_dot(std::string text) {
  if (text.ends_with('.')) text.pop_back();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

DnsKey parse_dns_key(const std::string& text) {
  std::vector<std::string> words = words_of(text);
  if (words.empty()) refuse("it is empty.");
  bool is_key_file = words[0] == "key";
  if (!is_key_file && words.size() != 1) refuse("it is in no known form.");
  DnsKey key = is_key_file ? from_key_file(words) : from_line(words[0]);
  key.name = lower_without_final_dot(key.name);
  key.algorithm = lower_without_final_dot(key.algorithm);
  if (key.algorithm == "hmac-md5.sig-alg.reg.int") key.algorithm = "hmac-md5";
  if (!is_name(key.name)) refuse("the key's name is not a name.");
  if (!key.algorithm.starts_with("hmac-") || !is_name(key.algorithm)) refuse("its algorithm is not one of hmac-*.");
  if (!is_base64(key.secret)) refuse("its secret is not base64.");
  return key;
}

}  // namespace migrate
