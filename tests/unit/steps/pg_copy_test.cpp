#include "steps/pg_copy.h"

#include "steps/pg_contents.h"
#include "steps/pg_databases.h"
#include "tests/support/two_seats.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace migrate {
namespace {

namespace fs = std::filesystem;

/// What a shell command printed; the test fails when it does.
std::string said_by_shell(const std::string& command) {
  std::FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
  std::string out;
  char buffer[4096];
  for (std::size_t n; pipe && (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << out;
  return out;
}

/// Two clusters, old and new, which listen on nothing but sockets in a folder of their own.
class PgCopy : public testing::Test {
 protected:
  static constexpr int old_port = 5433, new_port = 5434;

  static void SetUpTestSuite() {
    tools_ = newest_tools();
    if (tools_.empty() || ::geteuid() != 0) return;
    char name[] = "/tmp/migrate-pg-XXXXXX";
    root_ = ::mkdtemp(name);
    said_by_shell("chown postgres " + root_.string());
    for (const int port : {old_port, new_port}) {
      const std::string data = (root_ / std::to_string(port)).string();
      as_postgres(tools_ + "/initdb --no-sync -A trust -E UTF8 --locale=C.UTF-8 -D " + data + " >/dev/null");
      as_postgres(tools_ + "/pg_ctl -s -w -D " + data + " -l " + data +
                  ".log -o \"-c listen_addresses= -c fsync=off -c port=" + std::to_string(port) +
                  " -c unix_socket_directories=" + root_.string() + "\" start");
    }
    ::setenv("PGHOST", root_.c_str(), 1);
  }
  static void TearDownTestSuite() {
    if (root_.empty()) return;
    for (const int port : {old_port, new_port}) {
      as_postgres(tools_ + "/pg_ctl -s -m immediate -D " + (root_ / std::to_string(port)).string() + " stop");
    }
    ::unsetenv("PGHOST");
    fs::remove_all(root_);
  }

  void SetUp() override {
    if (root_.empty()) GTEST_SKIP() << "needs root and PostgreSQL's server programs";
    sql(old_port, "postgres",
        "DROP DATABASE IF EXISTS app; DROP ROLE IF EXISTS djangouser;"
        "CREATE ROLE djangouser LOGIN CONNECTION LIMIT 7 PASSWORD 'correct-horse'; CREATE DATABASE app OWNER "
        "djangouser");
    sql(old_port, "app",
        "SET ROLE djangouser; CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE);"
        "CREATE TABLE photo (id serial PRIMARY KEY, person int REFERENCES person, \"odd \"\" | name\" bytea);"
        "CREATE TABLE part (n int) PARTITION BY RANGE (n); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) "
        "TO (10);"
        "CREATE SCHEMA \"other, one\"; CREATE TABLE \"other, one\".empty (); CREATE SEQUENCE never_used;"
        "INSERT INTO person (name) SELECT 'user' || i FROM generate_series(1, 1500) i;"
        "INSERT INTO photo (person) SELECT id FROM person; INSERT INTO part VALUES (1), (2); CREATE VIEW seen AS "
        "SELECT name FROM person");
    clear_new();
  }
  void TearDown() override {
    if (root_.empty()) return;
    EXPECT_EQ(said_by_shell("ls -d /var/tmp/migrate_7f3a_* 2>/dev/null || true"), "");
  }

  static std::string newest_tools() {
    std::string newest;
    for (const auto& version : {"13", "14", "15", "16", "17"}) {
      const std::string tools = std::string("/usr/lib/postgresql/") + version + "/bin";
      if (fs::exists(tools + "/initdb")) newest = tools;
    }
    return newest;
  }
  static std::string as_postgres(const std::string& command) {
    return said_by_shell("cd / && runuser -u postgres -- sh -c '" + command + "'");
  }
  static std::string sql(int port, const std::string& database, const std::string& text) {
    const fs::path file = root_ / "script.sql";
    std::ofstream(file) << "SET client_min_messages = error;\n\\set ON_ERROR_STOP on\n" << split(text);
    fs::permissions(file, fs::perms::owner_read | fs::perms::others_read);
    auto out = as_postgres("psql -XqAt -h " + root_.string() + " -p " + std::to_string(port) + " -d " + database +
                           " -f " + file.string());
    fs::remove(file);
    return out;
  }
  static std::string split(const std::string& text) { return text + ";\n"; }

  static void clear_new() {
    const auto all =
        sql(new_port, "postgres", "SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template[01])$'");
    std::istringstream names(all);
    for (std::string name; std::getline(names, name);)
      sql(new_port, "postgres", "DROP DATABASE \"" + name + "\" WITH (FORCE)");
    sql(new_port, "postgres", "DROP ROLE IF EXISTS djangouser");
  }
  static void make_app_at_new() {
    sql(new_port, "postgres",
        "CREATE ROLE djangouser LOGIN PASSWORD 'mine'; CREATE DATABASE app ENCODING 'UTF8' TEMPLATE template0");
    sql(new_port, "app", "CREATE TABLE mine (id serial, x text); INSERT INTO mine (x) VALUES ('a'), ('b')");
  }
  static std::string databases_at_new() {
    return sql(new_port, "postgres",
               "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname !~ '^template'");
  }

  static boost::json::object params(boost::json::object more = {}) {
    more["from"] = {{"host", "old"}, {"database", "app"}, {"user", ""}, {"port", old_port}};
    more["to"] = {{"host", "new"}, {"database", "app"}, {"user", ""}, {"port", new_port}};
    return more;
  }

  struct Step {
    explicit Step(const boost::json::object& given, const std::string& number = "5.1")
        : source(make_pg_copy("pg.copy", given, "source")),
          target(make_pg_copy("pg.copy", given, "target")),
          seats(*source, *target, (root_ / "state").string(), number) {}
    std::unique_ptr<Action> source, target;
    TwoSeats seats;
  };

  /// The contract by hand. Returns the outputs of the first apply().
  static boost::json::object round(const boost::json::object& given) {
    Step step(given);
    const std::string names_before = databases_at_new();
    const State of_source = step.seats.probe_source(), before = step.seats.probe_target();
    const auto result = step.seats.apply(of_source, before);
    EXPECT_TRUE(result.ok()) << result.source << " / " << result.target;
    if (!result.ok()) return {};
    step.seats.verify_target(before, result.outputs);
    EXPECT_EQ(sql(new_port, "app", content), sql(old_port, "app", content));
    EXPECT_EQ(step.seats.probe_source(), of_source);
    const auto again = step.seats.apply(of_source, before);
    EXPECT_TRUE(again.ok()) << again.source << " / " << again.target;
    EXPECT_EQ(again.outputs.at("digest"), result.outputs.at("digest"));
    step.seats.verify_target(before, again.outputs);
    EXPECT_EQ(step.seats.undo_target(before), before);
    EXPECT_EQ(databases_at_new(), names_before);
    EXPECT_EQ(step.seats.undo_target(before), before);
    return result.outputs;
  }

  static constexpr const char* content =
      "SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM person p; SELECT md5(string_agg(p::text, ',' ORDER BY "
      "id)) FROM photo p;"
      "SELECT string_agg(p::text, ',' ORDER BY n) FROM part p; SELECT last_value, is_called FROM person_id_seq;"
      "SELECT last_value, is_called FROM never_used; SELECT count(*) FROM seen;"
      "SELECT string_agg(relname || relkind::text || relowner::regrole, ',' ORDER BY relname, relkind) FROM pg_class "
      "WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'";

  static inline std::string tools_;
  static inline fs::path root_;
};

TEST_F(PgCopy, CopiesADatabaseWithItsOwnerAndTakesBothBack) {
  const auto outputs = round(params({{"owner", "djangouser"}, {"encoding", "UTF8"}, {"create_owner", true}}));
  EXPECT_EQ(outputs.at("rows"), 3002);
  EXPECT_EQ(outputs.at("tables"), 4);
  EXPECT_EQ(outputs.at("sequences"), 3);
  EXPECT_EQ(sql(new_port, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'djangouser'"), "0\n");
}

TEST_F(PgCopy, TheNewOwnerHasTheOldOnesPasswordAndNobodyElseSeesIt) {
  Step step(params({{"owner", "djangouser"}, {"create_owner", true}}));
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  ASSERT_TRUE(result.ok()) << result.source << result.target;
  const std::string hash_of_role =
      "SELECT rolpassword, rolconnlimit, rolcanlogin FROM pg_authid WHERE rolname = 'djangouser'";
  EXPECT_EQ(sql(new_port, "postgres", hash_of_role), sql(old_port, "postgres", hash_of_role));
  std::string all = boost::json::serialize(result.outputs) + boost::json::serialize(to_json(step.seats.probe_target()));
  for (const auto& line : step.seats.lines()) all += line;
  all += said_by_shell("cat " + (root_ / "5434.log").string());
  EXPECT_EQ(all.find("SCRAM-SHA-256"), std::string::npos);
  step.seats.undo_target(before);
}

TEST_F(PgCopy, SetsADatabaseThatIsThereAsideAndGivesItItsNameBack) {
  make_app_at_new();
  const auto outputs = round(params({{"owner", "djangouser"}}));
  EXPECT_TRUE(outputs.at("set_aside").as_string().starts_with("app_before_7f3a_"));
  EXPECT_EQ(sql(new_port, "app", "SELECT string_agg(x, '') FROM mine"), "ab\n");
}

TEST_F(PgCopy, RestoresWithSeveralConnections) {
  round(params({{"owner", "djangouser"}, {"create_owner", true}, {"jobs", 3}}));
}

TEST_F(PgCopy, TwoStepsOfOneRunAreTakenBackOneAfterTheOther) {
  Step first(params({{"owner", "djangouser"}, {"create_owner", true}}), "1.1"),
      second(params({{"owner", "djangouser"}, {"create_owner", true}}), "2.1");
  const State at_start = first.seats.probe_target();
  ASSERT_TRUE(first.seats.apply(first.seats.probe_source(), at_start).ok());
  const State between = second.seats.probe_target();
  sql(old_port, "app", "INSERT INTO person (name) VALUES ('late')");
  ASSERT_TRUE(second.seats.apply(second.seats.probe_source(), between).ok());
  EXPECT_EQ(sql(new_port, "app", "SELECT count(*) FROM person"), "1501\n");
  EXPECT_EQ(second.seats.undo_target(between), between);
  EXPECT_EQ(sql(new_port, "app", "SELECT count(*) FROM person"), "1500\n");
  EXPECT_EQ(first.seats.undo_target(at_start), at_start);
  EXPECT_EQ(databases_at_new(), "postgres\n");
}

TEST_F(PgCopy, AMissingRoleIsNamedBeforeAnythingIsDone) {
  try {
    Step(params({{"owner", "djangouser"}})).seats.probe_target();
    FAIL() << "no failure";
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("no role djangouser"), std::string::npos) << failure.what();
  }
  Step step(params());  // the owner is as at the source: found out when the two meet
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  EXPECT_NE(result.target.find("no role djangouser"), std::string::npos) << result.target;
  EXPECT_NE(result.source.find("no role djangouser"), std::string::npos) << result.source;
  EXPECT_EQ(step.seats.undo_target(before), before);
}

TEST_F(PgCopy, ADumpThatBreaksOffLeavesTheDatabaseThatWasThereUntouched) {
  make_app_at_new();
  sql(old_port, "app", "CREATE TABLE zz (x int); REVOKE ALL ON zz FROM postgres");
  sql(old_port, "postgres", "CREATE ROLE reader LOGIN SUPERUSER");
  // A function that fails in a view's materialization breaks neither: what breaks the dump is a table that cannot be
  // read.
  const std::string file =
      sql(old_port, "app", "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('zz')");
  sql(old_port, "app", "INSERT INTO zz SELECT generate_series(1, 1000); CHECKPOINT");
  said_by_shell("truncate -s 100 " + file.substr(0, file.size() - 1));
  sql(old_port, "postgres", "DROP ROLE reader");
  as_postgres(tools_ + "/pg_ctl -s -w -m immediate -D " + (root_ / std::to_string(old_port)).string() +
              " restart >/dev/null");
  said_by_shell("head -c 8192 /dev/urandom | dd of=" + file.substr(0, file.size() - 1) + " conv=notrunc status=none");
  Step step(params({{"owner", "djangouser"}}));
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  EXPECT_NE(result.source.find("Cannot dump app: "), std::string::npos) << result.source;
  EXPECT_NE(result.target.find("The other host said: Cannot dump app: "), std::string::npos) << result.target;
  EXPECT_EQ(step.seats.probe_target(), before);
  EXPECT_EQ(step.seats.undo_target(before), before);
  EXPECT_EQ(databases_at_new(), "app postgres\n");
}

TEST_F(PgCopy, ARestoreThatFailsSaysThePostgresWordsOnBothSides) {
  sql(old_port, "app",
      "CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE c (x int CHECK (x <= "
      "one()));"
      "INSERT INTO c VALUES (1); CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0'");
  Step step(params({{"owner", "djangouser"}, {"create_owner", true}}));
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  EXPECT_NE(result.target.find("violates check constraint"), std::string::npos) << result.target;
  EXPECT_NE(result.source.find("violates check constraint"), std::string::npos) << result.source;
  EXPECT_EQ(step.seats.undo_target(before), before);
  EXPECT_EQ(databases_at_new(), "postgres\n");
}

TEST_F(PgCopy, NamesTheSessionsThatAreInTheWay) {
  make_app_at_new();
  std::FILE* session = ::popen(
      ("cd / && runuser -u postgres -- env PGAPPNAME=webapp psql -Xq -h " + root_.string() + " -p 5434 app >/dev/null")
          .c_str(),
      "w");
  while (sql(new_port, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app'") == "0\n") {
  }
  Step step(params({{"owner", "djangouser"}}));
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  EXPECT_NE(result.target.find("1 of postgres from this host (webapp)"), std::string::npos) << result.target;
  ::pclose(session);
  EXPECT_EQ(step.seats.undo_target(before), before);
}

TEST_F(PgCopy, UndoPutsSessionsOutOfTheCopyButNeverDropsADatabaseOfSomebodyElse) {
  Step step(params({{"owner", "djangouser"}, {"create_owner", true}}));
  const State before = step.seats.probe_target();
  ASSERT_TRUE(step.seats.apply(step.seats.probe_source(), before).ok());
  std::FILE* session = ::popen(
      ("cd / && runuser -u postgres -- psql -Xq -h " + root_.string() + " -p 5434 app >/dev/null 2>&1").c_str(), "w");
  while (sql(new_port, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app'") == "0\n") {
  }
  EXPECT_EQ(step.seats.undo_target(before), before);
  ::pclose(session);
  sql(new_port, "postgres", "CREATE DATABASE app");
  step.target->undo(*step.seats.system("target"), before);
  EXPECT_EQ(databases_at_new(), "app postgres\n");
}

TEST_F(PgCopy, UndoGoesOnFromEveryStateThatAnInterruptedApplyLeaves) {
  make_app_at_new();
  Step step(params({{"owner", "djangouser"}}));
  const State before = step.seats.probe_target();
  ASSERT_TRUE(step.seats.apply(step.seats.probe_source(), before).ok());
  const auto aside = sql(new_port, "postgres", "SELECT datname FROM pg_database WHERE datname ~ '^app_before_'");
  const std::string mark = aside.substr(11, aside.size() - 12);
  sql(new_port, "postgres",
      "CREATE DATABASE app_new_" + mark + "; CREATE DATABASE app_replaced_" + mark);  // a second try's
  EXPECT_EQ(step.seats.undo_target(before), before);
  sql(new_port, "postgres", "CREATE DATABASE app_new_" + mark);  // a first try's, before anything was renamed
  EXPECT_EQ(step.seats.undo_target(before), before);
  EXPECT_EQ(databases_at_new(), "app postgres\n");
}

TEST_F(PgCopy, VerifySeesThatSomebodyWritesIntoTheCopy) {
  Step step(params({{"owner", "djangouser"}, {"create_owner", true}}));
  const State before = step.seats.probe_target();
  const auto result = step.seats.apply(step.seats.probe_source(), before);
  ASSERT_TRUE(result.ok());
  sql(new_port, "app", "INSERT INTO part VALUES (3)");
  EXPECT_THROW(step.seats.verify_target(before, result.outputs), Failure);
  step.seats.undo_target(before);
}

TEST_F(PgCopy, ALocaleThatTheTargetLacksIsSaid) {
  const auto system = Step(params()).seats.system("target");
  const Postgres postgres(*system, params().at("to").as_object());
  PgDatabase like{"postgres", "UTF8", "xx_YY.UTF-8", "xx_YY.UTF-8"};
  create_database(*system, postgres, "app", like);
  EXPECT_EQ(find_database(postgres, "app")->collate, "C.UTF-8");
}

TEST_F(PgCopy, ADatabaseThatIsntThereIsOneSentence) {
  sql(old_port, "postgres", "DROP DATABASE app");
  try {
    Step(params()).seats.probe_source();
    FAIL() << "no failure";
  } catch (const Failure& failure) {
    EXPECT_STREQ(failure.what(), "There is no database app on this host.");
  }
}

TEST(PgNames, FitIntoWhatPostgresKeepsOfAName) {
  const PgNames names = names_for(std::string(60, 'x') + "\xC3\xA4", "7f3a_c01d");
  for (const auto& name : {names.fresh, names.aside, names.replaced}) EXPECT_LE(name.size(), 63u);
  EXPECT_EQ(names_for("libravatar", "7f3a_c01d").aside, "libravatar_before_7f3a_c01d");
  EXPECT_EQ(names_for(std::string(46, 'x') + "\xC3\xA4\xC3\xA4", "7f3a_c01d").fresh,
            std::string(46, 'x') + "\xC3\xA4_new_7f3a_c01d");
}

TEST(PgContents, SaysWhatDiffersAndLetsASequenceMoveWhileItIsRead) {
  PgContents before, after, copy;
  before.sequences["s"] = "5 called";
  after.tables = {{"a", 1}, {"b", 2}};
  after.sequences["s"] = "9 called";
  copy = after;
  copy.sequences["s"] = "7 called";
  EXPECT_EQ(contents_difference(before, after, copy), "");
  copy.sequences["s"] = "10 called";
  copy.tables = {{"a", 3}, {"c", 1}};
  EXPECT_EQ(contents_difference(before, after, copy),
            "a has 3 rows, the source 1. The table b is missing. The sequence s stands at 10 called, the source's at 9 "
            "called. "
            "The source has no table c.");
  EXPECT_EQ(contents_difference(after, after, before).find("The table a is missing."), 0u);
}

}  // namespace
}  // namespace migrate
