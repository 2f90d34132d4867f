#include "plans/expression.h"

#include "plans/excerpt.h"
#include "plans/expression_names.h"
#include "plans/expression_tokens.h"

namespace migrate {
namespace {

using Kind = ExpressionValue::Kind;
using Token = ExpressionToken;
constexpr int deepest = 50;

ExpressionValue text_value(std::string text) { return {Kind::text, std::move(text), {}}; }
ExpressionValue truth(bool value) { return {Kind::boolean, value ? "true" : "false", {}}; }

/// Reads and evaluates at once. Throws ExpressionFault; evaluate() is the rim. nullopt stands for an environment
/// variable that is not set, which only default() takes.
class Evaluator {
 public:
  Evaluator(std::string_view source, const Scope& scope) : tokens_(tokenize(source)), scope_(scope) {}

  ExpressionValue whole() {
    if (peek().kind == Token::Kind::end) throw fault(peek(), "an expression is missing between ${{ and }}");
    ExpressionValue value = either();
    if (peek().kind != Token::Kind::end) throw unexpected(peek());
    return value;
  }

 private:
  using Maybe = std::optional<ExpressionValue>;

  const Token& peek() const { return tokens_[next_]; }
  const Token& take() { return peek().kind == Token::Kind::end ? peek() : tokens_[next_++]; }
  bool take_symbol(std::string_view symbol) {
    bool here = peek().kind == Token::Kind::symbol && peek().text == symbol;
    if (here) ++next_;
    return here;
  }
  void expect(std::string_view symbol) {
    if (!take_symbol(symbol)) throw fault(peek(), "expected \"" + std::string(symbol) + "\" here");
  }
  static ExpressionFault fault(const Token& token, std::string message, std::string hint = {}) {
    return {token.offset, std::max<std::size_t>(token.text.size(), 1), std::move(message), std::move(hint)};
  }
  static ExpressionFault unexpected(const Token& token) {
    if (token.kind == Token::Kind::end) return fault(token, "the expression ends too early");
    if (token.text == "'") return fault(token, "a text is not closed", "close it with '");
    if (token.text == "\"") return fault(token, "texts in expressions stand in 'single quotes'");
    return fault(token, "did not expect " + in_quotes(token.text) + " here", "there are == != && || ! default() raw()");
  }

  bool as_truth(const ExpressionValue& value, const Token& at) const {
    bool fits =
        (value.kind == Kind::boolean || value.kind == Kind::text) && (value.text == "true" || value.text == "false");
    if (!fits) throw fault(at, "expected true or false here", "compare it with == or !=");
    return value.text == "true";
  }
  static const std::string& comparable(const ExpressionValue& value, const Token& at) {
    if (value.kind == Kind::list) throw fault(at, "a list cannot be compared");
    if (value.kind == Kind::secret) throw fault(at, "a secret inside an expression is not yet supported");
    return value.text;
  }

  ExpressionValue either() {
    const Token& first = peek();
    ExpressionValue value = both();
    while (take_symbol("||")) {
      const Token& second = peek();
      ExpressionValue right = both();
      bool left_is = as_truth(value, first), right_is = as_truth(right, second);
      value = truth(left_is || right_is);
    }
    return value;
  }

  ExpressionValue both() {
    const Token& first = peek();
    ExpressionValue value = compared();
    while (take_symbol("&&")) {
      const Token& second = peek();
      ExpressionValue right = compared();
      bool left_is = as_truth(value, first), right_is = as_truth(right, second);
      value = truth(left_is && right_is);
    }
    return value;
  }

  ExpressionValue compared() {
    const Token& first = peek();
    ExpressionValue value = needed(unary(), first);
    for (std::string_view symbol : {"==", "!="}) {
      if (!take_symbol(symbol)) continue;
      const Token& second = peek();
      ExpressionValue right = needed(unary(), second);
      bool equal = comparable(value, first) == comparable(right, second);
      return truth(equal == (symbol == "=="));
    }
    return value;
  }

  static ExpressionValue needed(Maybe value, const Token& at) {
    if (value) return std::move(*value);
    throw fault(at, "the environment variable " + in_quotes(at.text.substr(4)) + " is not set",
                "set it, or write default(" + std::string(at.text) + ", 'text')");
  }

  Maybe unary() {
    if (++depth_ > deepest) throw fault(peek(), "the expression is nested too deeply");
    Maybe value = unary_inside();
    --depth_;
    return value;
  }

  Maybe unary_inside() {
    const Token& token = take();
    if (token.kind == Token::Kind::literal) return text_value(unquoted(token.text));
    if (token.kind == Token::Kind::word) return word(token);
    if (token.kind != Token::Kind::symbol) throw unexpected(token);
    if (token.text == "!") {
      const Token& operand = peek();
      return truth(!as_truth(needed(unary(), operand), operand));
    }
    if (token.text != "(") throw unexpected(token);
    ExpressionValue value = either();
    expect(")");
    return value;
  }

  Maybe word(const Token& token) {
    if (take_symbol("(")) return function(token);
    if (token.text == "true" || token.text == "false") return truth(token.text == "true");
    if (token.text.find_first_not_of("0123456789") == std::string_view::npos)
      return text_value(std::string(token.text));
    try {
      return look_up(token.text, scope_);
    } catch (ExpressionFault& inside) {
      inside.offset += token.offset;
      throw;
    }
  }

  Maybe function(const Token& name) {
    if (name.text == "raw") {
      ExpressionValue value = either();
      expect(")");
      value.raw = true;
      return value;
    }
    if (name.text != "default")
      throw fault(name, "unknown function " + in_quotes(name.text), "there are default(a, b) and raw(a)");
    const Token& first = peek();
    Maybe value = unary();  // a name alone may be unset
    expect(",");
    ExpressionValue otherwise = either();
    expect(")");
    if (value && value->kind == Kind::secret) comparable(*value, first);
    bool empty = !value || (value->text.empty() && value->texts.empty());
    return empty ? otherwise : *value;
  }

  static std::string unquoted(std::string_view literal) {
    std::string text;
    for (std::size_t at = 1; at + 1 < literal.size(); ++at) {
      text += literal[at];
      if (literal[at] == '\'') ++at;  // written twice
    }
    return text;
  }

  std::vector<Token> tokens_;
  const Scope& scope_;
  std::size_t next_ = 0;
  int depth_ = 0;
};

/// Where the `}}` of an expression begins; npos when there is none.
std::size_t find_end(std::string_view text, std::size_t from) {
  bool in_literal = false;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (text[at] == '\'') in_literal = !in_literal;
    if (!in_literal && text.substr(at, 2) == "}}") return at;
  }
  return std::string_view::npos;
}

}  // namespace

std::variant<ExpressionValue, ExpressionFault> evaluate(std::string_view source, const Scope& scope) {
  try {
    return Evaluator(source, scope).whole();
  } catch (const ExpressionFault& fault) {
    return fault;
  }
}

std::optional<std::vector<TextPiece>> split_text(std::string_view text) {
  std::vector<TextPiece> pieces;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t begin = text.find("${{", at);
    if (begin != at) pieces.push_back({false, text.substr(at, begin - at)});
    if (begin == std::string_view::npos) break;
    std::size_t end = find_end(text, begin + 3);
    if (end == std::string_view::npos) return std::nullopt;
    pieces.push_back({true, text.substr(begin + 3, end - begin - 3)});
    at = end + 2;
  }
  return pieces;
}

}  // namespace migrate
