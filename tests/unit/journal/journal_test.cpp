#include "runner/journal/journal.h"

#include "runner/journal/output_log.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace migrate {
namespace {

struct StateFolder {
  StateFolder() { path = ::mkdtemp(name); }
  ~StateFolder() { std::filesystem::remove_all(path); }
  char name[32] = "/tmp/migrate-journal-XXXXXX";
  std::string path;
};

Record a_record(const std::string& step) {
  Record record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1234567890123));
  record.kind = RecordKind::applying;
  record.step = step;
  record.host = "old";
  record.role = "source";
  record.data = {{"attempt", 2}, {"before", {{"file:/a", nullptr}}}};
  return record;
}

RunSnapshot a_run(const std::string& name) {
  RunSnapshot run;
  run.plan_name = name;
  run.file = "plan.yaml";
  run.text = "migrate: 1\n";
  run.vars = {{"a", "b"}};
  return run;
}

TEST(Journal, GivesBackWhatWasWritten) {
  StateFolder folder;
  std::string id;
  {
    Journal journal(folder.path);
    id = journal.create_run(a_run("move"));
    std::vector<Record> records{a_record("1.1"), a_record("1.2")};
    journal.append(id, records);
    EXPECT_LT(records[0].sequence, records[1].sequence);
  }
  Journal journal(folder.path);
  const auto records = journal.records(id);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].step, "1.2");
  EXPECT_EQ(records[1].kind, RecordKind::applying);
  EXPECT_EQ(records[1].role, "source");
  EXPECT_EQ(records[1].time, a_record("").time);
  EXPECT_EQ(records[1].data, a_record("").data);
  EXPECT_EQ(journal.find_run("").plan_name, "move");
  EXPECT_EQ(journal.find_run(id.substr(0, 2)).vars.at("a").as_string(), "b");
}

TEST(Journal, KeepsWhatAppendReturnedFromWhenTheProcessIsKilled) {
  StateFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    Journal journal(folder.path);
    const std::string id = journal.create_run(a_run("killed"));
    std::vector<Record> records{a_record("1.1")};
    journal.append(id, records);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  Journal journal(folder.path);
  EXPECT_EQ(journal.records(journal.find_run("").id).size(), 1u);
}

TEST(Journal, IsAppendOnly) {
  StateFolder folder;
  Journal journal(folder.path);
  const std::string id = journal.create_run(a_run("move"));
  std::vector<Record> records{a_record("1.1")};
  journal.append(id, records);
  SQLite::Database raw(folder.path + "/journal.db", SQLite::OPEN_READWRITE);
  EXPECT_THROW(raw.exec("update record set host = 'new'"), SQLite::Exception);
  EXPECT_THROW(raw.exec("delete from record"), SQLite::Exception);
}

TEST(Journal, RefusesOneFromANewerVersionAndLeavesItAlone) {
  StateFolder folder;
  { Journal journal(folder.path); }
  {
    SQLite::Database raw(folder.path + "/journal.db", SQLite::OPEN_READWRITE);
    raw.exec("pragma user_version=99");
  }
  try {
    Journal journal(folder.path);
    FAIL() << "it was taken";
  } catch (const JournalError& error) {
    EXPECT_NE(std::string(error.what()).find("newer version"), std::string::npos);
  }
  SQLite::Database raw(folder.path + "/journal.db", SQLite::OPEN_READONLY);
  EXPECT_EQ(raw.execAndGet("pragma user_version").getInt(), 99);
}

TEST(Journal, RefusesAFileThatIsNoDatabase) {
  StateFolder folder;
  FILE* file = std::fopen((folder.path + "/journal.db").c_str(), "w");
  std::fputs("this is not a database, but somebody's notes, long enough to be looked at as a header of one", file);
  std::fclose(file);
  const auto size = std::filesystem::file_size(folder.path + "/journal.db");
  EXPECT_THROW(Journal journal(folder.path), JournalError);
  EXPECT_EQ(std::filesystem::file_size(folder.path + "/journal.db"), size) << "it was changed";
}

TEST(Journal, NamesRunsThatAreNotThere) {
  StateFolder folder;
  Journal journal(folder.path);
  EXPECT_THROW(journal.find_run(""), JournalError);
  journal.create_run(a_run("move"));
  EXPECT_THROW(journal.find_run("zzzz"), JournalError);
}

// The file was written by the first version of this format (by this test, with MIGRATE_WRITE_GOLDEN set). Never write it
// again: a change of format needs a new file beside it, and this one must still be read.
TEST(Journal, ReadsWhatFormatOneWrote) {
  const std::string golden = std::string(TEST_SOURCE_DIR) + "/golden/journal/format1.db";
  StateFolder folder;
  if (std::getenv("MIGRATE_WRITE_GOLDEN")) {
    {
      Journal journal(folder.path);
      RunSnapshot run = a_run("move");
      run.operator_name = "francois@laptop";
      run.files = {{"files/static.conf", "aGk="}};
      std::vector<Record> records{a_record("1.1"), a_record("1.2")};
      journal.append(journal.create_run(run), records);
    }
    SQLite::Database(folder.path + "/journal.db", SQLite::OPEN_READWRITE).exec("pragma journal_mode=delete");
    std::filesystem::create_directories(std::filesystem::path(golden).parent_path());
    std::filesystem::copy_file(folder.path + "/journal.db", golden);
  }
  std::filesystem::copy_file(golden, folder.path + "/journal.db", std::filesystem::copy_options::overwrite_existing);
  const Journal journal(folder.path);
  const RunSnapshot run = journal.find_run("");
  EXPECT_EQ(run.plan_name, "move");
  EXPECT_EQ(run.operator_name, "francois@laptop");
  EXPECT_EQ(run.files.at("files/static.conf").as_string(), "aGk=");
  const auto records = journal.records(run.id);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, RecordKind::applying);
  EXPECT_EQ(records[0].time, a_record("").time);
  EXPECT_EQ(records[1].data, a_record("").data);
}

TEST(RunLock, LetsOneControllerCarryARun) {
  StateFolder folder;
  RunLock mine(folder.path, "7f3a");
  RunLock other(folder.path, "1111");
  try {
    RunLock again(folder.path, "7f3a");
    FAIL() << "two controllers";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(::getpid())), std::string::npos) << error.what();
  }
}

TEST(OutputLog, KeepsTheLinesOfAStepAndItsUndoTogether) {
  StateFolder folder;
  OutputLog log(folder.path, "7f3a");
  log.append("5.4", "new", "first");
  log.append("5.4/undo", "new", "back");
  log.append("5.40", "new", "another step");
  EXPECT_EQ(OutputLog::files(folder.path, "7f3a", "5.4").size(), 2u);
  EXPECT_EQ(OutputLog::files(folder.path, "7f3a", "").size(), 3u);
  EXPECT_EQ(log.lines("5.4", "new"), 1u);
}

}  // namespace
}  // namespace migrate
