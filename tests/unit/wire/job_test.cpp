#include "runner/wire/job.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

namespace migrate {
namespace {

std::string golden_json(const std::string& name) {
  std::ifstream file(TEST_SOURCE_DIR "/golden/wire/" + name);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Job golden_job() {
  Job job;
  job.run = "7f3a";
  job.step = "3.2";
  job.host = "old";
  job.role = "source";
  job.verb = Verb::apply;
  job.attempt = 2;
  job.action = "rsync";
  job.params = {{"path", "/var/lib/libravatar"}};
  job.before = {{"tree:/var/lib/libravatar", nullptr}};
  job.outputs = {{"bytes", 12}};
  job.timeout = std::chrono::seconds(90);
  job.pipe = PipeOffer{{"10.0.0.2", "fd00::2"}, 40123, "00ff"};
  job.masked = {"hunter2"};
  return job;
}

std::string sentence_of(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "none";
}

std::string job_error(const std::string& field, const boost::json::value& value) {
  boost::json::object object = boost::json::parse(to_payload(golden_job())).as_object();
  if (value.is_null())
    object.erase(field);
  else
    object[field] = value;
  return sentence_of([&] { job_from_payload(boost::json::serialize(object)); });
}

TEST(Job, IsWrittenAsTheGoldenPayload) { EXPECT_EQ(to_payload(golden_job()), golden_json("job.json")); }

TEST(Job, ComesBackFromItsPayload) {
  const Job job = job_from_payload(golden_json("job.json"));
  EXPECT_EQ(to_payload(job), golden_json("job.json"));
  EXPECT_EQ(job.verb, Verb::apply);
  EXPECT_EQ(job.timeout, std::chrono::seconds(90));
  EXPECT_EQ(job.pipe->addresses.at(1), "fd00::2");
  EXPECT_EQ(job.masked, std::vector<std::string>{"hunter2"});
}

TEST(Job, NamesTheFieldThatIsMissingOrWrong) {
  EXPECT_EQ(job_error("run", nullptr), "a job's field \"run\" is missing");
  EXPECT_EQ(job_error("run", ""), "a job's field \"run\" is empty");
  EXPECT_EQ(job_error("host", 7), "a job's field \"host\" is not a string");
  EXPECT_EQ(job_error("verb", "destroy"), "\"destroy\" is no verb: probe, apply, verify and undo are");
  EXPECT_EQ(job_error("attempt", 0), "a job's field \"attempt\" is 0, which is not in 1..2147483647");
  EXPECT_EQ(job_error("timeout_ms", "soon"), "a job's field \"timeout_ms\" is not a whole number");
  EXPECT_EQ(job_error("params", boost::json::array()), "a job's field \"params\" is not an object");
  EXPECT_EQ(job_error("masked", boost::json::array{1}),
            "a job's field \"masked\" holds something that is not a string");
  EXPECT_EQ(job_error("pipe", boost::json::object{{"port", 0}, {"key", ""}}),
            "a pipe's offer's field \"port\" is 0, which is not in 1..65535");
}

TEST(Job, OfAnotherVersionIsRefusedBeforeAnythingElseIsRead) {
  EXPECT_EQ(sentence_of([] { job_from_payload(R"({"version":2})"); }),
            "the job is of version 2, and this program understands version 1: the controller and the agent are of "
            "different releases");
}

TEST(Job, IsNotReadFromNonsense) {
  EXPECT_EQ(sentence_of([] { job_from_payload("[]"); }), "a job is not a JSON object");
  EXPECT_NE(sentence_of([] { job_from_payload("{\"version\":"); }).find("a job is not valid JSON: "),
            std::string::npos);
  EXPECT_NE(sentence_of([] { job_from_payload(std::string(100000, '[')); }).find("not valid JSON"), std::string::npos);
}

TEST(Job, IgnoresFieldsThatANewerControllerMaySend) { EXPECT_EQ(job_error("colour", "blue"), "none"); }

TEST(Job, CarriesBytesThatAreNotUtf8Unchanged) {
  Job job = golden_job();
  job.before = {{"file:/etc/x", std::string("caf\xe9")}};
  const Job back = job_from_payload(to_payload(job));
  EXPECT_EQ(back.before.at("file:/etc/x").as_string(), "caf\xe9");
}

TEST(Job, HasAUniqueIdThatGearmanTakesAndThatEveryFieldChanges) {
  const Job job = golden_job();
  EXPECT_EQ(job.unique(), "1b46d184f828da9b1e93f46e94a8cf81d8bfe5b6");
  const std::vector<std::function<void(Job&)>> changes{[](Job& j) { j.run = "7f3b"; },
                                                       [](Job& j) { j.step = "3.3"; },
                                                       [](Job& j) { j.host = "new"; },
                                                       [](Job& j) { j.role = "target"; },
                                                       [](Job& j) { j.attempt = 3; },
                                                       [](Job& j) { j.verb = Verb::undo; },
                                                       [](Job& j) {
                                                         j.host = "olds";
                                                         j.role = "ource";
                                                       }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Job other = job;
    changes[i](other);
    EXPECT_NE(other.unique(), job.unique()) << "change " << i;
  }
}

TEST(Job, IsRoutedByItsHost) { EXPECT_EQ(golden_job().function(), "migrate@old"); }

TEST(Outcome, IsWrittenAsTheGoldenPayloadAndComesBack) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.state = {{"service:apache2", "active"}};
  outcome.outputs = {{"name", "x"}};
  outcome.error = "apache2ctl says no";
  outcome.command = "apache2ctl configtest";
  outcome.exit_code = 1;
  outcome.from_ledger = true;
  outcome.duration_ms = 17;
  EXPECT_EQ(to_payload(outcome), golden_json("outcome.json"));
  EXPECT_EQ(to_payload(outcome_from_payload(golden_json("outcome.json"))), golden_json("outcome.json"));
}

TEST(Outcome, OfEveryKindComesBack) {
  for (const auto kind : {Outcome::Kind::done, Outcome::Kind::failed, Outcome::Kind::interrupted, Outcome::Kind::lost,
                          Outcome::Kind::refused}) {
    Outcome outcome;
    outcome.kind = kind;
    EXPECT_EQ(outcome_from_payload(to_payload(outcome)).kind, kind);
  }
  EXPECT_EQ(sentence_of([] { outcome_from_payload(R"({"kind":"odd"})"); }),
            "an outcome's field \"kind\" is \"odd\", which this program does not know");
}

TEST(JobMessage, OfEveryKindComesBack) {
  JobMessage output;
  output.line = "caf\xe9 \x1b[1m";
  EXPECT_EQ(message_from_payload(to_payload(output)).line, "caf\xef\xbf\xbd \x1b[1m");
  JobMessage offer;
  offer.kind = JobMessage::Kind::offer;
  offer.offer = {{"10.0.0.1"}, 1234, "ab"};
  EXPECT_EQ(message_from_payload(to_payload(offer)).offer.port, 1234);
  JobMessage progress;
  progress.kind = JobMessage::Kind::progress;
  progress.done = 5000000000;
  progress.total = 6000000000;
  EXPECT_EQ(message_from_payload(to_payload(progress)).total, 6000000000u);
}

}  // namespace
}  // namespace migrate
