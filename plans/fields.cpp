#include "plans/fields.h"

#include "plans/duration.h"
#include "plans/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace migrate {
namespace {

constexpr std::string_view a_duration = "a duration such as 90s";
constexpr std::size_t longest_name = 64;

}  // namespace

std::optional<std::int64_t> read_integer(Draft& draft, const Value& value, std::int64_t least, std::int64_t most) {
  auto text = read_text(draft, value, "a whole number");
  if (!text) return std::nullopt;
  auto number = parse_integer(*text);
  if (!number) {
    draft.expected(value, "a whole number", text, "");
    return std::nullopt;
  }
  if (*number >= least && *number <= most) return number;
  draft.expected(value, fmt::format("a number from {} to {}", least, most), text, "");
  return std::nullopt;
}

std::optional<bool> read_boolean(Draft& draft, const Value& value) {
  auto text = read_text(draft, value, "true or false");
  if (!text) return std::nullopt;
  if (*text == "true" || *text == "false") return *text == "true";
  draft.expected(value, "true or false", text, "");
  return std::nullopt;
}

std::optional<Milliseconds> read_duration(Draft& draft, const Value& value) {
  auto text = read_text(draft, value, a_duration);
  if (!text) return std::nullopt;
  auto duration = parse_duration(*text);
  if (!duration) draft.expected(value, a_duration, text, "units are s, m, h and d, as in 1h30m");
  return duration;
}

std::optional<Milliseconds> read_positive_duration(Draft& draft, const Value& value) {
  auto duration = read_duration(draft, value);
  if (!duration || duration->count() > 0) return duration;
  draft.expected(value, "a duration longer than nothing");
  return std::nullopt;
}

std::optional<std::string> read_choice(Draft& draft, const Value& value, const std::vector<std::string_view>& choices) {
  std::string one_of = fmt::format("one of {}", fmt::join(choices, ", "));
  auto text = read_text(draft, value, one_of);
  if (!text || std::ranges::find(choices, *text) != choices.end()) return text;
  draft.expected(value, one_of, text, did_you_mean(*text, choices));
  return std::nullopt;
}

std::optional<OnFailure> read_on_failure(Draft& draft, const Value& value) {
  static const std::vector<std::string_view> words{"ask", "stop", "rollback", "rollback-phase", "continue"};
  auto word = read_choice(draft, value, words);
  if (!word) return std::nullopt;
  constexpr OnFailure meanings[] = {OnFailure::ask, OnFailure::stop, OnFailure::rollback, OnFailure::rollback_phase,
                                    OnFailure::proceed};
  return meanings[std::ranges::find(words, *word) - words.begin()];
}

std::optional<std::string> read_sentence(Draft& draft, const Value& value, std::string_view what) {
  auto text = read_text(draft, value, what);
  if (!text || text->find_first_not_of(" \t\n") != std::string::npos) return text;
  draft.expected(value, what, text, "");
  return std::nullopt;
}

std::optional<std::string> read_title(Draft& draft, const Value& value) {
  auto text = read_sentence(draft, value, "a name");
  if (!text) return std::nullopt;
  auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  while (text->ends_with('\n')) text->pop_back();
  if (std::none_of(text->begin(), text->end(), is_control)) return text;
  draft.error_at(value, "a name is one line of text");
  return std::nullopt;
}

bool is_name(std::string_view text) {
  auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  auto fits = [&](char c) { return plain(c) || c == '-' || c == '.'; };
  return !text.empty() && text.size() <= longest_name && plain(text.front()) &&
         std::all_of(text.begin(), text.end(), fits);
}

bool check_name(Draft& draft, const Value::Entry& entry) {
  if (is_name(entry.key)) return true;
  draft.error_at_key(entry, fmt::format("{} cannot be a name", in_quotes(entry.key)),
                     "names have letters, digits, \"_\", \"-\" and \".\", and at most 64 of them");
  return false;
}

}  // namespace migrate
