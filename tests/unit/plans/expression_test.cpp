#include "plans/expression.h"

#include "plans/shell_quote.h"
#include "plans/shell_state.h"

#include <gtest/gtest.h>

namespace migrate {
namespace {

Scope expression_scope() {
  Scope scope;
  scope.vars["city"].text = "Bern";
  scope.vars["none"].text = "";
  scope.vars["sites"].is_list = true;
  scope.vars["sites"].texts = {"a", "b"};
  scope.vars["broken"].broken = true;
  scope.addresses = {{"old", "192.0.2.1"}, {"db.example.org", "192.0.2.2"}};
  scope.secrets = {"key"};
  scope.has_hosts = true;
  scope.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    return std::nullopt;
  };
  return scope;
}

std::string value_of(std::string_view source) {
  auto result = evaluate(source, expression_scope());
  if (auto* fault = std::get_if<ExpressionFault>(&result))
    return "fault at " + std::to_string(fault->offset) + "+" + std::to_string(fault->length) + ": " + fault->message +
           (fault->hint.empty() ? "" : " (" + fault->hint + ")");
  return std::get<ExpressionValue>(result).text;
}

TEST(Expressions, ReadVariablesHostsAndTheEnvironment) {
  EXPECT_EQ(value_of(" vars.city "), "Bern");
  EXPECT_EQ(value_of("hosts.old.address"), "192.0.2.1");
  EXPECT_EQ(value_of("hosts.db.example.org.address"), "192.0.2.2");
  EXPECT_EQ(value_of("env.HOME"), "/home/me");
  EXPECT_EQ(std::get<ExpressionValue>(evaluate("vars.sites", expression_scope())).texts.size(), 2u);
  EXPECT_EQ(std::get<ExpressionValue>(evaluate("secrets.key", expression_scope())).kind, ExpressionValue::Kind::secret);
}

TEST(Expressions, CompareAndCombine) {
  EXPECT_EQ(value_of("vars.city == 'Bern'"), "true");
  EXPECT_EQ(value_of("vars.city != 'Bern'"), "false");
  EXPECT_EQ(value_of("vars.city == 'Bern' && !(vars.none == 'x')"), "true");
  EXPECT_EQ(value_of("false || vars.city == 'Chur' || 'true'"), "true");
  EXPECT_EQ(value_of("'it''s'"), "it's");
  EXPECT_EQ(value_of("'}}'"), "}}");
}

TEST(Expressions, TakeADefaultForWhatIsUnsetOrEmpty) {
  EXPECT_EQ(value_of("default(env.NOWHERE, 'x')"), "x");
  EXPECT_EQ(value_of("default(vars.none, vars.city)"), "Bern");
  EXPECT_EQ(value_of("default(vars.city, 'x')"), "Bern");
  EXPECT_EQ(value_of("default(vars.ctiy, 'x')"), "fault at 13+4: undefined variable \"ctiy\" (did you mean city?)");
}

TEST(Expressions, SayExactlyWhereTheyAreWrong) {
  EXPECT_EQ(value_of(" vars.ctiy"), "fault at 6+4: undefined variable \"ctiy\" (did you mean city?)");
  EXPECT_EQ(value_of(" hosts.odl.address"), "fault at 7+3: undefined host \"odl\" (did you mean old?)");
  EXPECT_EQ(value_of("hosts.old"),
            "fault at 6+3: a host has one field that can be read: address (write hosts.old.address)");
  EXPECT_EQ(value_of("var.city"), "fault at 0+3: unknown name \"var\" (did you mean vars?)");
  EXPECT_EQ(
      value_of("env.NOWHERE"),
      "fault at 0+11: the environment variable \"NOWHERE\" is not set (set it, or write default(env.NOWHERE, 'text'))");
  EXPECT_EQ(value_of(" item"), "fault at 1+4: \"item\" in ${{ }} is not yet supported");
  EXPECT_EQ(value_of("steps.a.b"), "fault at 0+5: \"steps\" in ${{ }} is not yet supported");
  EXPECT_EQ(value_of("run.id"), "fault at 0+3: \"run\" in ${{ }} is not yet supported");
  EXPECT_EQ(value_of("vars.sites == 'a'"), "fault at 0+10: a list cannot be compared");
  EXPECT_EQ(value_of("!vars.city"), "fault at 1+9: expected true or false here (compare it with == or !=)");
  EXPECT_EQ(value_of("'x"), "fault at 0+1: a text is not closed (close it with ')");
  EXPECT_EQ(value_of(""), "fault at 0+1: an expression is missing between ${{ and }}");
  EXPECT_EQ(value_of("vars.city vars.city").substr(0, 11), "fault at 10");
  EXPECT_EQ(value_of("vars.broken"), "fault at 5+6: ") << "its declaration has been told already";
  EXPECT_EQ(value_of(std::string(10'000, '(')).substr(0, 11), "fault at 50");
}

TEST(Texts, AreSplitAtTheirExpressions) {
  auto pieces = split_text("a${{ x }}b${{ '}}' }}");
  ASSERT_TRUE(pieces);
  ASSERT_EQ(pieces->size(), 4u);
  EXPECT_EQ((*pieces)[1].text, " x ");
  EXPECT_TRUE((*pieces)[1].is_expression);
  EXPECT_EQ((*pieces)[3].text, " '}}' ");
  EXPECT_FALSE(split_text("a ${{ x } }"));
}

TEST(ShellQuoting, MakesOneWordOfAnything) {
  EXPECT_EQ(shell_quote("/var/lib/x-1.2_3:4@5"), "/var/lib/x-1.2_3:4@5");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote("~"), "'~'");
  EXPECT_EQ(shell_quote("a\nb"), "'a\nb'");
}

TEST(ShellQuoting, KnowsWhereQuotesAreOpen) {
  auto inside = [](std::string_view text) {
    ShellQuotes quotes;
    for (char c : text) quotes.feed(std::string_view(&c, 1));
    return quotes.inside();
  };
  EXPECT_TRUE(inside("echo \"a"));
  EXPECT_TRUE(inside("echo 'a\""));
  EXPECT_FALSE(inside("echo 'a' \"b\" "));
  EXPECT_FALSE(inside("echo \\\" "));
  EXPECT_FALSE(inside("# don't\n"));
  EXPECT_TRUE(inside("a#b'"));
}

}  // namespace
}  // namespace migrate
