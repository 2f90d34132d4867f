#include "runner/ssh/agent_script.h"
#include "runner/ssh/ssh_sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace migrate {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(AgentScript, QuotesForAnyShell) {
  EXPECT_EQ(shell_quote("plain"), "'plain'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
}

TEST(AgentScript, IsOneLineBecauseSomeShellsReadNoMore) {
  const AgentScript script{"old", "agent-0123456789ab", "/var/lib/x", true};
  EXPECT_THAT(start_command(script), Not(HasSubstr("\n")));
  EXPECT_THAT(upload_command(script, "1"), Not(HasSubstr("\n")));
}

TEST(SshSentences, HoldNothingThatPlaysWithATerminal) {
  const auto text = agent_ended({"old", "root", 1, "one\x1b[2J\ntwo\r\n", ""});
  EXPECT_THAT(text, HasSubstr("one[2J; two"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(SshSentences, TellAnAgentThatWasKilledFromOneThatSaidSomething) {
  EXPECT_THAT(agent_ended({"old", "root", -1, "", ""}), HasSubstr("without an exit code and said nothing"));
}

TEST(SshSentences, KnowAFullDisk) {
  EXPECT_THAT(upload_failed({"old", "root", 2, "tar: x: No space left on device\n", ""}), HasSubstr("no space left"));
}

}  // namespace
}  // namespace migrate
