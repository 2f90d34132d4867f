#include "plans/param_types.h"

#include "plans/digest.h"
#include "plans/duration.h"
#include "plans/texts.h"

#include <arpa/inet.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace migrate {
namespace {

namespace json = boost::json;
constexpr std::size_t most_file_bytes = 16u << 20;
constexpr std::size_t most_bytes_of_all_files = 64u << 20;

/// Reports "expected WHAT, found VALUE".
Param expected(Draft& draft, const Value& value, std::string_view what, const std::optional<std::string>& text,
               std::string hint = {}) {
  draft.expected(value, what, text, std::move(hint));
  return std::nullopt;
}

/// A label-wise DNS name in lower case without its final dot; "" when it is none. Underscores and a "*" as the first
/// label are allowed: both occur in zones.
std::string dns_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return {};
  std::string name;
  std::size_t label = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at] >= 'A' && text[at] <= 'Z' ? static_cast<char>(text[at] - 'A' + 'a') : text[at];
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    bool star = c == '*' && at == 0 && (text.size() == 1 || text[1] == '.');
    bool dash = c == '-' && label > 0;
    if (c == '.' ? label == 0 : !(plain || star || dash)) return {};
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return {};
    name += c;
  }
  return label == 0 ? std::string() : name;
}

std::size_t bytes_of_all(const std::map<std::string, std::string>& files) {
  std::size_t bytes = 0;
  for (const auto& [path, content] : files) bytes += content.size();
  return bytes;
}

/// The content, read once for a path.
const std::string* content_of(Draft& draft, const Value& value, const std::string& name) {
  std::string path = (std::filesystem::path(draft.input.file).parent_path() / name).string();
  if (auto known = draft.files_read.find(path); known != draft.files_read.end()) return &known->second;
  auto content = draft.input.read_file ? draft.input.read_file(path) : std::nullopt;
  if (!content) {
    draft.error_at(value, fmt::format("the file {} cannot be read", in_quotes(path)),
                   "paths start from the folder that the plan is in");
    return nullptr;
  }
  if (content->size() > most_file_bytes) {
    draft.error_at(value, fmt::format("the file {} has more than {} MiB", in_quotes(path), most_file_bytes >> 20));
    return nullptr;
  }
  if (bytes_of_all(draft.files_read) + content->size() > most_bytes_of_all_files)
    draft.stop(value.at, fmt::format("the plan's files have more than {} MiB together", most_bytes_of_all_files >> 20));
  return &draft.files_read.emplace(path, std::move(*content)).first->second;
}

}  // namespace

std::optional<std::string> known_host(Draft& draft, const Value& value, std::string_view name) {
  if (draft.plan.hosts.contains(std::string(name))) return std::string(name);
  bool is_group = draft.plan.groups.contains(std::string(name));
  std::string hint = is_group ? "it is a group; this needs one host" : did_you_mean(name, key_names(draft.plan.hosts));
  // Mostly the name stands inside of a longer text as it is, and then it alone is underlined.
  std::size_t inside = value.text.find(name);
  std::size_t offset =
      draft.lines.offset(value.at) + (value.quoted ? 1 : 0) + (inside == std::string::npos ? 0 : inside);
  bool as_written =
      !name.empty() && draft.lines.text().substr(std::min(offset, draft.lines.text().size()), name.size()) == name;
  if (as_written)
    draft.error(draft.lines.position(offset), fmt::format("unknown host {}", in_quotes(name)), hint, name.size());
  else
    draft.error_at(value, fmt::format("unknown host {}", in_quotes(name)), hint);
  return std::nullopt;
}

Param read_size(Draft& draft, const Value& value) {
  auto text = read_text(draft, value, "a size such as 20M");
  if (!text) return std::nullopt;
  auto size = parse_size(*text);
  if (!size) return expected(draft, value, "a size such as 20M", text, "a number of bytes, or one with K, M, G or T");
  return json::value(*size);
}

Param read_mode(Draft& draft, const Value& value) {
  auto text = read_text(draft, value, "a mode such as \"0640\"");
  if (!text) return std::nullopt;
  if (!is_mode(*text)) return expected(draft, value, "a mode such as \"0640\"", text, "three or four octal digits");
  return json::value(*text);
}

Param read_file_beside(Draft& draft, const Value& value) {
  auto name = read_text(draft, value, "a file beside the plan");
  if (!name) return std::nullopt;
  if (name->empty()) return expected(draft, value, "a file beside the plan", name);
  const std::string* content = content_of(draft, value, *name);
  if (!content) return std::nullopt;
  draft.charge_text(value, content->size() / 4);  // the same file in a thousand steps is a thousand copies
  return json::object{{"name", *name}, {"base64", to_base64(*content)}};
}

Param read_host_path(Draft& draft, const Value& value) {
  constexpr std::string_view what = "a path such as /var/lib/x or old:/var/lib/x";
  auto text = read_text(draft, value, what);
  if (!text) return std::nullopt;
  std::size_t colon = text->starts_with('/') ? std::string::npos : text->find(':');
  std::string host = colon == std::string::npos ? "" : text->substr(0, colon);
  std::string path = colon == std::string::npos ? *text : text->substr(colon + 1);
  if (path.starts_with('[')) {
    draft.error_at(value, "several paths in one field are not yet supported");
    return std::nullopt;
  }
  if (!path.starts_with('/')) return expected(draft, value, what, text, "paths on hosts begin with \"/\"");
  if (colon == 0) return expected(draft, value, what, text);
  if (!host.empty() && !known_host(draft, value, host)) return std::nullopt;
  return json::object{{"host", host}, {"path", path}};
}

Param read_database(Draft& draft, const Value& value) {
  constexpr std::string_view what = "a database such as postgres://old/libravatar";
  auto text = read_text(draft, value, what);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  std::size_t scheme = rest.starts_with("postgres://") ? 11 : rest.starts_with("postgresql://") ? 13 : 0;
  std::size_t slash = rest.find('/', scheme);
  if (scheme == 0 || slash == std::string_view::npos) return expected(draft, value, what, text);
  std::string_view authority = rest.substr(scheme, slash - scheme), database = rest.substr(slash + 1);
  std::size_t at_sign = authority.rfind('@');
  std::string_view user = at_sign == std::string_view::npos ? std::string_view() : authority.substr(0, at_sign);
  if (user.find(':') != std::string_view::npos) {
    draft.error_at(value, "a password does not belong in a plan", "let the database's user in by its local socket");
    return std::nullopt;
  }
  std::string_view host = authority.substr(at_sign == std::string_view::npos ? 0 : at_sign + 1);
  std::size_t colon = host.find(':');
  auto port = colon == std::string_view::npos ? 0 : parse_integer(host.substr(colon + 1)).value_or(-1);
  host = host.substr(0, colon);
  bool odd =
      database.empty() || database.find_first_of("/?# \t\n") != std::string_view::npos || port < 0 || port > 65535;
  if (odd || (colon != std::string_view::npos && port == 0)) return expected(draft, value, what, text);
  if (!host.empty() && !known_host(draft, value, host)) return std::nullopt;
  return json::object{{"host", host}, {"database", database}, {"user", user}, {"port", port}};
}

Param read_address(Draft& draft, const Value& value) {
  auto text = read_text(draft, value, "an IPv4 or IPv6 address");
  if (!text) return std::nullopt;
  in6_addr parsed{};  // large enough for both families
  bool fits = inet_pton(AF_INET, text->c_str(), &parsed) == 1 || inet_pton(AF_INET6, text->c_str(), &parsed) == 1;
  if (!fits) return expected(draft, value, "an IPv4 or IPv6 address", text);
  return json::value(*text);
}

Param read_dns_names(Draft& draft, const Value& value) {
  auto texts = read_texts(draft, value, "a DNS name or a list of them");
  if (!texts) return std::nullopt;
  json::array names;
  for (std::size_t index = 0; index < texts->size(); ++index) {
    const std::string& text = (*texts)[index];
    bool one_each = value.is_list() && value.items.size() == texts->size();
    std::string name = dns_name(text);
    if (name.empty())
      draft.error_at(one_each ? value.items[index] : value, fmt::format("{} is no DNS name", in_quotes(text)));
    else
      names.emplace_back(name);
  }
  if (names.size() != texts->size()) return std::nullopt;
  return names;
}

Param read_command(Draft& draft, const Value& value) {
  if (value.is_list()) {
    auto words = read_texts(draft, value);
    if (!words) return std::nullopt;
    if (words->front().empty()) return expected(draft, value.items.front(), "a program's name", words->front());
    return json::array(words->begin(), words->end());
  }
  if (!value.is_scalar()) {
    draft.expected(value, "a command: a shell text, or a list of a program and its words");
    return std::nullopt;
  }
  auto text = read_shell_text(draft, value);
  if (!text) return std::nullopt;
  if (text->find_first_not_of(" \t\n") == std::string::npos) return expected(draft, value, "a command", text);
  return json::value(*text);
}

}  // namespace migrate
