#include "plans/duration.h"

#include <gtest/gtest.h>

namespace migrate {
namespace {

using std::chrono::milliseconds;

TEST(Durations, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_duration("90s"), milliseconds(90'000));
  EXPECT_EQ(parse_duration("10m"), milliseconds(600'000));
  EXPECT_EQ(parse_duration("4h"), milliseconds(14'400'000));
  EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  for (const char* wrong :
       {"", "10", "m", "10 m", "1.5h", "-1s", "30m1h", "1h1h", "99999999999d", "9223372036854775807s"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Durations, AreShownAsPeopleReadThem) {
  EXPECT_EQ(for_people(milliseconds(350)), "350 ms");
  EXPECT_EQ(for_people(milliseconds(2400)), "2.4 s");
  EXPECT_EQ(for_people(milliseconds(12'900)), "12 s");
  EXPECT_EQ(for_people(milliseconds(372'000)), "6 min 12 s");
  EXPECT_EQ(for_people(milliseconds(483'000)), "8 min 03 s");
  EXPECT_EQ(for_people(milliseconds(3'900'000)), "1 h 05 min");
  EXPECT_EQ(for_people(milliseconds(187'200'000)), "2 d 4 h");
}

TEST(Sizes, CountInPowersOf1024) {
  EXPECT_EQ(parse_size("20M"), 20 << 20);
  EXPECT_EQ(parse_size("4G"), 4LL << 30);
  EXPECT_EQ(parse_size("123"), 123);
  for (const char* wrong : {"", "M", "1.5M", "20MB", "9999999999999T", "-1"}) EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Modes, AreThreeOrFourOctalDigits) {
  EXPECT_TRUE(is_mode("0640") && is_mode("755") && is_mode("2775"));
  EXPECT_FALSE(is_mode("64") || is_mode("0888") || is_mode("u=rw") || is_mode("00640"));
}

}  // namespace
}  // namespace migrate
