#include "plans/texts.h"

#include "plans/shell_quote.h"
#include "plans/shell_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace migrate {
namespace {

using Kind = ExpressionValue::Kind;
constexpr int most_faults_in_a_text = 10;

/// One text with its expressions, read piece by piece.
class TextReader {
 public:
  TextReader(Draft& draft, const Value& value) : draft_(draft), value_(value), pieces_(split_text(value.text)) {
    if (!pieces_) fault(0, {0, 3, "this \"${{\" is not closed", "close it with \"}}\""}, {});
  }

  bool is_one_expression() const { return pieces_ && pieces_->size() == 1 && pieces_->front().is_expression; }

  std::optional<ExpressionValue> only_expression() { return value_of(pieces_->front(), 0); }

  template <typename AsText>
  std::optional<std::string> joined(AsText as_text) {
    if (!pieces_) return std::nullopt;
    std::string text;
    int index = 0;
    for (const TextPiece& piece : *pieces_) {
      if (faults_ >= most_faults_in_a_text) break;
      if (!piece.is_expression) {
        text += piece.text;
        continue;
      }
      auto value = value_of(piece, index);
      if (value) {
        std::size_t before = text.size();
        as_text(*this, *value, piece, index, text);
        draft_.charge_text(value_, text.size() - before);
      }
      ++index;
    }
    if (faults_ > 0) return std::nullopt;
    return text;
  }

  /// An error about a whole expression.
  void refuse(const TextPiece& piece, int index, std::string message, std::string hint = {}) {
    std::size_t begin = std::min(piece.text.find_first_not_of(' '), piece.text.size());
    std::size_t end = piece.text.find_last_not_of(' ');
    std::size_t length = end == std::string_view::npos ? 1 : end + 1 - begin;
    fault(index, {begin, length, std::move(message), std::move(hint)}, piece.text);
  }

 private:
  std::optional<ExpressionValue> value_of(const TextPiece& piece, int index) {
    auto result = evaluate(piece.text, draft_.scope);
    if (auto* value = std::get_if<ExpressionValue>(&result)) return std::move(*value);
    fault(index, std::get<ExpressionFault>(result), piece.text);
    return std::nullopt;
  }

  void fault(int index, const ExpressionFault& found, std::string_view source) {
    ++faults_;
    if (found.message.empty()) return;  // said where the variable is declared
    Position at = source.empty() ? place("${{", index, 0) : place("${{" + std::string(source), index, found.offset + 3);
    draft_.error(at, found.message, found.hint, found.length);
  }

  /// Where byte `offset` of the `index`th expression stands in the file. A text that YAML folded or unescaped need not
  /// stand there letter by letter: then it is the expression's beginning, or the value's.
  Position place(const std::string& expression, int index, std::size_t offset) const {
    std::string_view text = draft_.lines.text();
    std::size_t from = draft_.lines.offset(value_.at);
    std::size_t at = text.find("${{", from);
    for (int skipped = 0; skipped < index && at != std::string_view::npos; ++skipped) at = text.find("${{", at + 3);
    if (at == std::string_view::npos) return value_.at;
    bool as_written = text.substr(at, expression.size()) == expression;
    return draft_.lines.position(as_written ? at + offset : at);
  }

  Draft& draft_;
  const Value& value_;
  std::optional<std::vector<TextPiece>> pieces_;
  int faults_ = 0;
};

constexpr std::string_view secret_elsewhere = "a secret here is not yet supported";
constexpr std::string_view secret_hint = "today a secret can be the key of the dns section";

void plain_text(TextReader& reader, const ExpressionValue& value, const TextPiece& piece, int index,
                std::string& text) {
  if (value.kind == Kind::secret)
    return reader.refuse(piece, index, std::string(secret_elsewhere), std::string(secret_hint));
  if (value.kind == Kind::list) return reader.refuse(piece, index, "expected one text, found a list of texts");
  text += value.text;
}

/// Adds what expressions yield to a shell text, each word quoted.
class ShellWords {
 public:
  void operator()(TextReader& reader, const ExpressionValue& value, const TextPiece& piece, int index,
                  std::string& text) {
    if (value.kind == Kind::secret)
      return reader.refuse(piece, index, std::string(secret_elsewhere), std::string(secret_hint));
    std::string written;
    bool needs_quotes = false;
    for (const std::string& word : value.kind == Kind::list ? value.texts : std::vector{value.text}) {
      std::string as_word = value.raw ? word : shell_quote(word);
      needs_quotes = needs_quotes || as_word != word;
      written += (written.empty() ? "" : " ") + as_word;
    }
    quotes_.feed(std::string_view(text).substr(fed_));
    fed_ = text.size();
    if (needs_quotes && quotes_.inside())
      return reader.refuse(piece, index, "this value would be quoted twice: it stands inside quotes already",
                           "take those quotes away, or write raw(...) if the value is shell text");
    text += written;
  }

 private:
  ShellQuotes quotes_;
  std::size_t fed_ = 0;
};

bool is_scalar_or_expected(Draft& draft, const Value& value, std::string_view what) {
  if (!value.is_scalar()) draft.expected(value, what);
  return value.is_scalar();
}

bool add_texts(Draft& draft, const Value& value, std::string_view what, std::vector<std::string>& texts) {
  if (!is_scalar_or_expected(draft, value, what)) return false;
  TextReader reader(draft, value);
  if (reader.is_one_expression()) {
    auto result = reader.only_expression();
    if (!result) return false;
    if (result->kind == Kind::list) {
      for (const std::string& each : result->texts) draft.charge_text(value, each.size() + sizeof(std::string));
      texts.insert(texts.end(), result->texts.begin(), result->texts.end());
      return true;
    }
  }
  auto text = reader.joined(plain_text);
  if (text) texts.push_back(std::move(*text));
  return text.has_value();
}

}  // namespace

std::optional<std::string> read_text(Draft& draft, const Value& value, std::string_view what) {
  if (!is_scalar_or_expected(draft, value, what)) return std::nullopt;
  return TextReader(draft, value).joined(plain_text);
}

std::optional<std::vector<std::string>> read_texts(Draft& draft, const Value& value, std::string_view what) {
  std::vector<std::string> texts;
  bool all_right = true;
  if (value.is_list()) {
    for (const Value& item : value.items) all_right = add_texts(draft, item, "a text", texts) && all_right;
  } else {
    all_right = add_texts(draft, value, what, texts);
  }
  if (all_right && texts.empty()) draft.error_at(value, "expected at least one text, found an empty list");
  if (!all_right || texts.empty()) return std::nullopt;
  return texts;
}

std::optional<std::string> read_shell_text(Draft& draft, const Value& value) {
  if (!is_scalar_or_expected(draft, value, "a command")) return std::nullopt;
  return TextReader(draft, value).joined(ShellWords());
}

std::optional<std::string> read_secret(Draft& draft, const Value& value) {
  std::string hint = "a secret's value never stands in a plan: name it under \"secrets:\"";
  if (!is_scalar_or_expected(draft, value, "a secret such as ${{ secrets.NAME }}")) return std::nullopt;
  TextReader reader(draft, value);
  if (reader.is_one_expression()) {
    auto result = reader.only_expression();
    if (!result) return std::nullopt;
    if (result->kind == Kind::secret) return result->text;
  }
  draft.error_at(value, "expected a secret such as ${{ secrets.NAME }}", hint);
  return std::nullopt;
}

}  // namespace migrate
