#include "plans/diagnostics.h"

#include <gtest/gtest.h>

namespace migrate {
namespace {

TEST(Diagnostics, ShowsTheLineWithACaretAndWhatToDo) {
  std::string text;
  for (int i = 1; i < 61; ++i) text += "x\n";
  Diagnostics diagnostics("libravatar.yaml", text + "        rsnyc:\n");
  diagnostics.error({61, 9}, "unknown action \"rsnyc\"", "did you mean rsync?", 5);
  EXPECT_EQ(diagnostics.render(),
            "libravatar.yaml:61:9: unknown action \"rsnyc\"\n"
            "   61 |         rsnyc:\n"
            "      |         ^^^^^ did you mean rsync?\n");
}

TEST(Diagnostics, ComeInTheOrderOfTheFileAndEachOnce) {
  Diagnostics diagnostics("x.yaml", "a\nb\n");
  diagnostics.error({2, 1}, "second");
  diagnostics.warning({1, 1}, "first");
  diagnostics.error({2, 1}, "second");
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.render(),
            "x.yaml:1:1: warning: first\n    1 | a\n      | ^\nx.yaml:2:1: second\n    2 | b\n      | ^\n");
}

TEST(Diagnostics, AboutTheFileAsAWholeQuoteNoLine) {
  Diagnostics diagnostics("x.yaml", "a\n");
  diagnostics.error({}, "the plan is empty", "begin it");
  EXPECT_EQ(diagnostics.render(), "x.yaml: the plan is empty\n      begin it\n");
}

TEST(Diagnostics, KeepCaretsUnderTabsWideAndCombiningCharacters) {
  Diagnostics diagnostics("x.yaml", "\ta\xE5\xAD\x97u\xCC\x88z\n");  // tab, a, a wide character, u with a diaeresis, z
  diagnostics.error({1, 9}, "here");
  EXPECT_EQ(diagnostics.render(), "x.yaml:1:9: here\n    1 |     a\xE5\xAD\x97u\xCC\x88z\n      |         ^\n");
}

TEST(Diagnostics, CutLongLinesAroundThePlace) {
  Diagnostics diagnostics("x.yaml", std::string(5000, 'a') + "B" + std::string(5000, 'c'));
  diagnostics.error({1, 5001}, "here");
  std::string expected = "x.yaml:1:5001: here\n    1 | ..." + std::string(70, 'a') + "B" + std::string(89, 'c') +
                         "...\n      | " + std::string(73, ' ') + "^\n";
  EXPECT_EQ(diagnostics.render(), expected);
}

TEST(Diagnostics, NeverPassOnWhatATerminalObeys) {
  Diagnostics diagnostics("x.yaml", "a\x1B[2Jb \xE2\x80\xAE\n");
  diagnostics.error({1, 1}, "here");
  EXPECT_EQ(diagnostics.render(), "x.yaml:1:1: here\n    1 | a?[2Jb ?\n      | ^\n");
}

TEST(Closest, FindsTheWordThatWasMeant) {
  std::vector<std::string_view> words{"rsync", "run", "service.stop", "timeout"};
  EXPECT_EQ(closest("rsnyc", words), "rsync");
  EXPECT_EQ(closest("tiemout", words), "timeout");
  EXPECT_EQ(closest("service.stopp", words), "service.stop");
  EXPECT_EQ(closest("file", words), "");
  EXPECT_EQ(closest("", words), "");
  EXPECT_EQ(did_you_mean("rnu", words), "did you mean run?");
  EXPECT_EQ(did_you_mean("zzz", words), "");
}

}  // namespace
}  // namespace migrate
