#include "runner/wire/record.h"

#include <gtest/gtest.h>

#include <set>

namespace migrate {
namespace {

TEST(RecordKind, HasOneNameEachThatLeadsBackToIt) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(RecordKind::run_finished); ++i) {
    const auto kind = static_cast<RecordKind>(i);
    EXPECT_TRUE(names.insert(to_text(kind)).second) << to_text(kind);
    EXPECT_EQ(record_kind_from_text(to_text(kind)), kind);
  }
  EXPECT_TRUE(names.contains("rollback_begun"));
}

TEST(RecordKind, OfANewerVersionIsRefused) { EXPECT_THROW(record_kind_from_text("teleported"), std::runtime_error); }

}  // namespace
}  // namespace migrate
