#include "steps/state.h"

#include "plans/digest.h"
#include "steps/base64.h"
#include "steps/printable.h"
#include "steps/text_diff.h"

#include <gmock/gmock.h>

namespace migrate {

TEST(State, SurvivesItsWayThroughJson) {
  State state{{"file:/a", nullptr}, {"service:x", boost::json::object{{"active", "active"}}}};
  EXPECT_EQ(state_from_json(to_json(state)), state);
  EXPECT_THROW(state_from_json("no object"), std::runtime_error);
}

TEST(State, SaysInWhatTwoDiffer) {
  State expected{{"service:apache2", boost::json::object{{"active", "active"}, {"enabled", "enabled"}}},
                 {"file:/a", nullptr},
                 {"file:/b", boost::json::object{{"mode", "0644"}, {"content", "eA=="}}}};
  State found{{"service:apache2", boost::json::object{{"active", "inactive"}, {"enabled", "enabled"}}},
              {"file:/a", boost::json::object{{"mode", "0644"}}},
              {"file:/b", boost::json::object{{"mode", "0600"}, {"content", "eQ=="}}}};
  EXPECT_EQ(
      difference(expected, found),
      "file:/a: not there -> there\nfile:/b: mode 0644 -> 0600, other content\nservice:apache2: active -> inactive\n");
  EXPECT_EQ(difference(found, found), "");
}

TEST(State, OverlaysWholeResources) {
  State base{{"a", 1}, {"b", 2}}, over{{"b", 3}, {"c", 4}};
  EXPECT_EQ(overlaid(base, over), (State{{"a", 1}, {"b", 3}, {"c", 4}}));
}

TEST(State, AgreesWithAPredictionThatLeavesThingsOut) {
  State found{{"f", boost::json::object{{"mode", "0644"}, {"mtime_ns", 5}}}};
  EXPECT_TRUE(agrees({{"f", boost::json::object{{"mode", "0644"}}}, {"gone", nullptr}}, found));
  EXPECT_FALSE(agrees({{"f", boost::json::object{{"mode", "0600"}}}}, found));
  EXPECT_FALSE(agrees({{"f", nullptr}}, found));
}

TEST(Base64, ComesBackAsItWas) {
  for (std::string bytes :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string("\0\xff\x10?", 4)}) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
  EXPECT_THROW(from_base64("a*=="), std::runtime_error);
  EXPECT_THROW(from_base64("abc"), std::runtime_error);
}

TEST(Printable, ShowsControlCharactersAndBrokenBytes) {
  EXPECT_EQ(printable("a\tä\n\x1b\xff"), "a\tä\n\\x1b\\xff");
  EXPECT_EQ(last_lines("one\n\ntwo\nthree\n", 2, "  "), "  two\n  three");
  EXPECT_EQ(last_lines("", 2, ""), "");
}

TEST(TextDiff, GroupsChangesWithTheirLineNumbers) {
  EXPECT_THAT(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n0\n"),
              ::testing::ElementsAre("@@ -7,3 +7,4 @@", " 7", " 8", "-9", "+nine", "+0"));
  EXPECT_THAT(unified_diff("", "a\n"), ::testing::ElementsAre("@@ -0,0 +1,1 @@", "+a"));
  EXPECT_THAT(unified_diff("a", "a\n"), ::testing::ElementsAre("the newline at the end of the file changes"));
}

}  // namespace migrate
