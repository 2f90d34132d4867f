#include "plans/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace migrate {
namespace {

using ::testing::HasSubstr;

std::string yaml_errors(const std::string& text) {
  Diagnostics diagnostics("x.yaml", text);
  load_yaml(text, diagnostics);
  return diagnostics.render();
}

Value yaml_of(const std::string& text) {
  Diagnostics diagnostics("x.yaml", text);
  Value value = load_yaml(text, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return value;
}

TEST(Yaml, KeepsScalarsAsTheyAreWritten) {
  Value map = yaml_of("a: no\nb: 0644\nc: 22:30\nd: \"x\\ty\"\ne: 1e3\nf: ~\ng:\nh: ''\n");
  EXPECT_EQ(map.find("a")->value.text, "no");
  EXPECT_EQ(map.find("b")->value.text, "0644");
  EXPECT_EQ(map.find("c")->value.text, "22:30");
  EXPECT_EQ(map.find("d")->value.text, "x\ty");
  EXPECT_TRUE(map.find("d")->value.quoted);
  EXPECT_EQ(map.find("e")->value.text, "1e3");
  EXPECT_TRUE(map.find("f")->value.is_null());
  EXPECT_TRUE(map.find("g")->value.is_null());
  EXPECT_TRUE(map.find("h")->value.is_scalar());
  EXPECT_EQ(map.find("nothing"), nullptr);
}

TEST(Yaml, KnowsThePlaceOfEveryKeyAndValue) {
  Value map = yaml_of("a: 1\nlist:\n  - x\n  - { k: \"v\" }\nblock: |\n  text\nnone:\n");
  EXPECT_EQ(map.find("a")->key_at, (Position{1, 1}));
  EXPECT_EQ(map.find("a")->value.at, (Position{1, 4}));
  const Value& list = map.find("list")->value;
  EXPECT_EQ(list.items[0].at, (Position{3, 5}));
  EXPECT_EQ(list.items[1].find("k")->key_at, (Position{4, 7}));
  EXPECT_EQ(list.items[1].find("k")->value.at, (Position{4, 10}));
  EXPECT_EQ(map.find("block")->key_at, (Position{5, 1}));
  EXPECT_EQ(map.find("none")->value.at, (Position{7, 1})) << "nothing stands where its key does";
}

TEST(Yaml, CountsColumnsInBytesAndPutsTheCaretUnderTheCharacter) {
  EXPECT_EQ(yaml_errors("\"größe\": 1\n\"größe\": 2\nä: { ö: 1, ö: 2 }\n"),
            "x.yaml:2:1: duplicate key \"größe\"\n"
            "    2 | \"größe\": 2\n"
            "      | ^^^^^^^ it stands in line 1 already\n"
            "x.yaml:3:14: duplicate key \"ö\"\n"
            "    3 | ä: { ö: 1, ö: 2 }\n"
            "      |            ^ it stands in line 3 already\n");
}

TEST(Yaml, GivesAnAliasTheValueOfItsAnchor) {
  Value map = yaml_of("a: &x [1, 2]\nb: *x\n");
  EXPECT_EQ(map.find("b")->value.items.size(), 2u);
  EXPECT_EQ(map.find("b")->value.at, (Position{1, 4}));
}

TEST(Yaml, TellsDuplicateKeysAndKeepsTheFirst) {
  std::string text = "a: 1\nb: 2\na: 3\n";
  Diagnostics diagnostics("x.yaml", text);
  Value map = load_yaml(text, diagnostics);
  EXPECT_EQ(map.find("a")->value.text, "1");
  EXPECT_EQ(map.entries.size(), 2u);
  EXPECT_EQ(diagnostics.render(),
            "x.yaml:3:1: duplicate key \"a\"\n    3 | a: 3\n      | ^ it stands in line 1 already\n");
}

TEST(Yaml, RefusesWhatThePlanLanguageLeavesOut) {
  EXPECT_THAT(yaml_errors("a: &x {k: 1}\nb:\n  <<: *x\n"), HasSubstr("x.yaml:3:3: \"<<\" (merging maps)"));
  EXPECT_THAT(yaml_errors("a: !!str 1\n"), HasSubstr("x.yaml:1:4: a plan has no YAML tags"));
  EXPECT_THAT(yaml_errors("a: 1\n---\nb: 2\n"), HasSubstr("x.yaml:2:1: a second document begins here"));
  EXPECT_THAT(yaml_errors("[a, b]: 1\n"), HasSubstr("a key is a text, not a list"));
}

TEST(Yaml, SaysWhereTheSyntaxIsWrong) {
  EXPECT_THAT(yaml_errors("a: b: c\n"), HasSubstr("x.yaml:1:5: a \":\" cannot stand here"));
  EXPECT_THAT(yaml_errors("a: [1, 2\nb: 3\n"), HasSubstr("x.yaml:2:2: a \"[\" is not closed before this"));
  EXPECT_THAT(yaml_errors("a:\n\tb: 1\n"), HasSubstr("x.yaml:2:1: a tab in the indentation"));
  EXPECT_THAT(yaml_errors("a: *nobody\n"), HasSubstr("x.yaml:1:4:"));
}

TEST(Yaml, RefusesBytesThatAreNoText) {
  EXPECT_THAT(yaml_errors("a: 1\nb: x\xFFy\n"), HasSubstr("x.yaml:2:5: byte 0xFF is not UTF-8"));
  EXPECT_THAT(yaml_errors("a: \xED\xA0\x80\n"), HasSubstr("x.yaml:1:4: byte 0xED is not UTF-8")) << "a surrogate";
  EXPECT_THAT(yaml_errors(std::string("a: 1\nb: \0 2\n", 12)), HasSubstr("x.yaml:2:4: a NUL byte"));
  EXPECT_THAT(yaml_errors("a: \"x\\0y\"\n"), HasSubstr("x.yaml:1:4: this text has a NUL character"));
}

TEST(Yaml, RefusesAliasesInsideOfWhatTheyName) {
  EXPECT_THAT(yaml_errors("a: &x [1, *x]\n"), HasSubstr("x.yaml:1:11: this alias stands inside of what it names"));
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(Yaml, EndsHostileTextsInOneClearErrorAtOnce) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias + repeated(", " + alias, 8) + "]\n";
  }
  std::string nested_anchors;
  for (int i = 0; i < 90; ++i) nested_anchors += "[&n" + std::to_string(i) + " ";
  auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(yaml_errors(repeated("[", 90'000) + repeated("]", 90'000)), HasSubstr("nested more than 100 levels"));
  EXPECT_THAT(yaml_errors(repeated("- ", 50'000) + "x"), HasSubstr("nested more than 100 levels"));
  EXPECT_THAT(yaml_errors(bomb), HasSubstr("the plan is too large"));
  EXPECT_THAT(yaml_errors(nested_anchors + "[" + repeated("x,", 100'000) + repeated("]", 91)),
              HasSubstr("the plan is too large"));
  EXPECT_THAT(yaml_errors("a: &a " + std::string(1 << 20, 'x') + "\nb: [" + repeated("*a,", 1000) + "]"),
              HasSubstr("the plan is too large"));
  EXPECT_THAT(yaml_errors(repeated("a: 1\n", 10'000)), HasSubstr("too many errors"));
  EXPECT_THAT(yaml_errors(std::string(100u << 20, 'a')), HasSubstr("x.yaml: the file has more than 4 MiB"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << "a hang, not a slow machine";
}

TEST(Yaml, TakesAnEmptyTextForNothing) {
  EXPECT_TRUE(yaml_of("").is_null());
  EXPECT_TRUE(yaml_of("# only a comment\n").is_null());
}

}  // namespace
}  // namespace migrate
