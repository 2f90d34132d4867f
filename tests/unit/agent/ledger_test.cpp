#include "runner/agent/ledger.h"

#include "runner/agent/earlier_job.h"

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace migrate {
namespace {

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    char name[] = "/tmp/migrate-ledger-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder_); }

  static LedgerRow row(const std::string& unique) {
    LedgerRow row;
    row.unique = unique;
    row.run = "7f3a";
    row.step = "5.4";
    row.host = "old";
    row.process = identity_of(::getpid());
    row.agent = identity_of(::getpid());
    row.started_at = std::chrono::system_clock::now();
    return row;
  }
  static Outcome outcome(const std::string& error) {
    Outcome outcome;
    outcome.kind = Outcome::Kind::failed;
    outcome.error = error;
    return outcome;
  }

  std::string folder_;
};

std::string failure_text(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

/// The identity of a process that ran and is gone.
ProcessIdentity gone_process() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (;;) ::pause();
  }
  const ProcessIdentity identity = identity_of(pid);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return identity;
}

TEST_F(LedgerTest, RemembersAJobThroughAReopening) {
  {
    Ledger ledger(folder_);
    EXPECT_TRUE(ledger.begin(row("a")));
    ledger.commit();
    ledger.end("a", outcome("no"));
    ledger.commit();
  }
  const auto found = Ledger(folder_).find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, "5.4");
  EXPECT_EQ(found->verb, Verb::apply);
  EXPECT_EQ(found->process.started, identity_of(::getpid()).started);
  ASSERT_TRUE(found->outcome);
  EXPECT_EQ(found->outcome->error, "no");
  EXPECT_FALSE(Ledger(folder_).find("b"));
}

TEST_F(LedgerTest, KeepsNothingThatWasNotCommitted) {
  {
    Ledger ledger(folder_);
    EXPECT_TRUE(ledger.begin(row("a")));
  }
  EXPECT_FALSE(Ledger(folder_).find("a"));
}

TEST_F(LedgerTest, EntersAnIdOnlyOnce) {
  Ledger first(folder_), second(folder_);
  EXPECT_TRUE(first.begin(row("a")));
  first.commit();
  EXPECT_FALSE(second.begin(row("a")));
  second.commit();
  EXPECT_TRUE(first.begin(row("b")));  // the refused one holds no lock
  first.commit();
}

TEST_F(LedgerTest, RefusesALedgerFromANewerVersion) {
  { Ledger ledger(folder_); }
  SQLite::Database(folder_ + "/ledger.db", SQLite::OPEN_READWRITE).exec("PRAGMA user_version=7");
  const auto text = failure_text([&] { Ledger ledger(folder_); });
  EXPECT_NE(text.find("newer migrate (format 7, this one knows 1)"), std::string::npos) << text;
}

TEST_F(LedgerTest, LeavesADamagedLedgerAsItIs) {
  std::ofstream(folder_ + "/ledger.db") << std::string(8192, 'x');
  const auto text = failure_text([&] { Ledger ledger(folder_); });
  EXPECT_NE(text.find("damaged"), std::string::npos) << text;
  std::stringstream content;
  content << std::ifstream(folder_ + "/ledger.db").rdbuf();
  EXPECT_EQ(content.str(), std::string(8192, 'x'));
}

TEST_F(LedgerTest, SaysForAllOfACommitThatItsWritesAreLost) {
  Ledger ledger(folder_);
  EXPECT_TRUE(ledger.begin(row("a")));
  SQLite::Database other(folder_ + "/ledger.db", SQLite::OPEN_READWRITE);
  ledger.commit();
  EXPECT_TRUE(ledger.begin(row("b")));
  LedgerRow wrong = row("c");
  ledger.commit();
  other.exec("ALTER TABLE jobs ADD CHECK_c TEXT");            // an extra column is harmless ...
  EXPECT_NE(failure_text([&] { ledger.begin(wrong); }), "");  // ... but the insert no longer fits
  EXPECT_TRUE(ledger.find("b"));
  other.exec(
      "CREATE TRIGGER t BEFORE UPDATE ON jobs WHEN NEW.unique_id='b' BEGIN SELECT RAISE(ABORT,'disk says no'); END");
  ledger.end("a", outcome("x"));
  EXPECT_NE(failure_text([&] { ledger.end("b", outcome("x")); }).find("disk says no"), std::string::npos);
  EXPECT_NE(failure_text([&] { ledger.commit(); }).find("disk says no"), std::string::npos);
  EXPECT_FALSE(ledger.find("a")->outcome);
  ledger.end("a", outcome("x"));
  ledger.commit();
  EXPECT_TRUE(ledger.find("a")->outcome);
}

TEST_F(LedgerTest, DropsWhatIsOlderThanNinetyDays) {
  {
    Ledger ledger(folder_);
    LedgerRow old = row("old");
    old.started_at -= std::chrono::hours(24 * 91);
    ledger.begin(old);
    LedgerRow recent = row("recent");
    recent.started_at -= std::chrono::hours(24 * 89);
    ledger.begin(recent);
    ledger.commit();
  }
  Ledger ledger(folder_);
  EXPECT_FALSE(ledger.find("old"));
  EXPECT_TRUE(ledger.find("recent"));
}

TEST_F(LedgerTest, SettlesWhatEndedWithItsOutcome) {
  Ledger ledger(folder_);
  LedgerRow done = row("a");
  done.outcome = outcome("no");
  const auto settled = settle_earlier_job(ledger, done, identity_of(::getpid()));
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->from_ledger);
  EXPECT_EQ(settled->error, "no");
}

TEST_F(LedgerTest, LeavesWhatStillRunsUnsettled) {
  Ledger ledger(folder_);
  LedgerRow running = row("a");
  running.agent = gone_process();
  EXPECT_FALSE(settle_earlier_job(ledger, running, identity_of(::getppid())));
  LedgerRow about_to_be_written = row("b");
  about_to_be_written.process = gone_process();  // its agent, this process, lives
  EXPECT_FALSE(settle_earlier_job(ledger, about_to_be_written, identity_of(::getppid())));
}

TEST_F(LedgerTest, SettlesWhatIsGoneAsInterrupted) {
  Ledger ledger(folder_);
  LedgerRow gone = row("a");
  gone.process = gone.agent = gone_process();
  ledger.begin(gone);
  ledger.commit();
  const auto settled = settle_earlier_job(ledger, gone, identity_of(::getpid()));
  ledger.commit();
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->kind, Outcome::Kind::interrupted);
  EXPECT_NE(settled->error.find("It was begun at 20"), std::string::npos) << settled->error;
  EXPECT_EQ(ledger.find("a")->outcome->kind, Outcome::Kind::interrupted);
}

}  // namespace
}  // namespace migrate
