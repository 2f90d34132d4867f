#include "steps/catalogue.h"

#include <gtest/gtest.h>

#include <set>

namespace migrate {

TEST(Catalogue, DescribesEveryActionOnce) {
  std::set<std::string_view> names;
  for (const ActionSchema& schema : action_table().actions) {
    EXPECT_TRUE(names.insert(schema.name).second) << schema.name << " is there twice";
    EXPECT_FALSE(schema.summary.empty()) << schema.name;
    EXPECT_FALSE(schema.example.empty()) << schema.name;
    EXPECT_EQ(schema.undo.empty(), schema.effect == Effect::reads) << schema.name;
    EXPECT_TRUE(schema.shorthand.empty() || schema.field(schema.shorthand)) << schema.name;
    for (const auto& group : schema.exactly_one_of) {
      for (std::string_view field : group) EXPECT_NE(schema.field(field), nullptr) << schema.name << " " << field;
    }
  }
  for (std::string_view name : action_table().not_yet) EXPECT_EQ(names.count(name), 0u) << name << " is done already";
}

TEST(Catalogue, RefusesWhatItCannotMake) {
  EXPECT_THROW(make_action("rsnyc", {}, ""), Failure);
  EXPECT_THROW(make_action("wait", {{"for", 1000}}, ""), Failure);
}

}  // namespace migrate
