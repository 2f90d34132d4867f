#include "runner/wire/utf8.h"

#include <gtest/gtest.h>

namespace migrate {
namespace {

TEST(Utf8, KeepsWhatIsValid) {
  const std::string text = "a\x7f\n \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(Utf8, ReplacesWhatIsNot) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(valid_utf8("caf\xe9!"), "caf" + mark + "!");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), mark + mark);                        // overlong
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // above U+10FFFF
  EXPECT_EQ(valid_utf8("\xe2\x82"), mark + mark);                        // cut off
}

}  // namespace
}  // namespace migrate
