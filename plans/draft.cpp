#include "plans/draft.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {
namespace {

constexpr std::size_t most_errors = 200;
constexpr std::size_t most_text_bytes = 16u << 20;
constexpr std::size_t most_hosts = 200'000;

int underline(std::size_t length) { return static_cast<int>(std::clamp<std::size_t>(length, 1, 10'000)); }

}  // namespace

void Draft::error(Position at, std::string message, std::string hint, std::size_t length) {
  diagnostics.error(at, std::move(message), std::move(hint), underline(length));
  if (++errors_ < most_errors) return;
  diagnostics.error({}, fmt::format("more than {} errors; the rest of the plan was not read", most_errors));
  throw LoadStopped();
}

void Draft::error_at(const Value& value, std::string message, std::string hint) {
  bool is_block = value.quoted && value.text.find('\n') != std::string::npos;
  std::size_t length = value.is_scalar() && !is_block ? value.text.size() + (value.quoted ? 2 : 0) : 1;
  error(value.at, std::move(message), std::move(hint), length);
}

void Draft::error_at_key(const Value::Entry& entry, std::string message, std::string hint) {
  error(entry.key_at, std::move(message), std::move(hint), entry.key.size());
}

void Draft::expected(const Value& value, std::string_view what, const std::optional<std::string>& text,
                     std::string hint) {
  error_at(value, fmt::format("expected {}, found {}", what, in_quotes(text.value_or(value.text))), std::move(hint));
}

void Draft::expected(const Value& value, std::string_view what, std::string hint) {
  std::string found = value.is_scalar() ? in_quotes(value.text) : std::string(kind_name(value.kind));
  error_at(value, fmt::format("expected {}, found {}", what, found), std::move(hint));
}

void Draft::stop(Position at, std::string message) {
  diagnostics.error(at, std::move(message));
  throw LoadStopped();
}

void Draft::charge_text(const Value& value, std::size_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ > most_text_bytes)
    stop(value.at, fmt::format("the plan's ${{{{ }}}} expand to more than {} MiB", most_text_bytes >> 20));
}

void Draft::charge_hosts(Position at, std::size_t count) {
  hosts_ += count;
  if (hosts_ > most_hosts) stop(at, fmt::format("the plan has more than {} steps on hosts", most_hosts));
}

bool check_keys(Draft& draft, const Value& value, std::string_view what, const std::vector<std::string_view>& known,
                const std::vector<std::string_view>& not_yet) {
  if (!value.is_map()) {
    draft.expected(value, fmt::format("{} (a map)", what));
    return false;
  }
  auto in = [](const auto& names, const std::string& key) { return std::ranges::find(names, key) != names.end(); };
  for (const Value::Entry& entry : value.entries) {
    if (in(known, entry.key)) continue;
    if (in(not_yet, entry.key)) {
      draft.error_at_key(entry, fmt::format("{} is not yet supported", in_quotes(entry.key)));
      continue;
    }
    std::string hint = did_you_mean(entry.key, known);
    if (hint.empty()) hint = fmt::format("{} has: {}", what, fmt::join(known, ", "));
    draft.error_at_key(entry, fmt::format("unknown key {} in {}", in_quotes(entry.key), what), hint);
  }
  return true;
}

}  // namespace migrate
