// The agent end to end: a real agent in a forked process, over a socket pair to a tiny job server in the test.
#include "runner/agent/agent.h"

#include "runner/agent/agent_loop.h"
#include "runner/agent/process_tree.h"
#include "runner/wire/packet.h"

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

namespace migrate {
namespace {

constexpr int test_patience_ms = 20000;

bool becomes_true(const std::function<bool()>& condition) {
  const auto patience_ends = std::chrono::steady_clock::now() + std::chrono::milliseconds(test_patience_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > patience_ends) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::string content_of(const std::string& path) {
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

void append_line(const std::string& path, const std::string& line) {
  std::ofstream(path, std::ios::app) << line << "\n";
}

std::string text_param(const boost::json::object& params, const char* name) {
  return std::string(params.at(name).as_string());
}

/// Appends a line to "file" in apply(), so that effects can be counted.
class AppendingAction : public Action {
 public:
  explicit AppendingAction(boost::json::object params) : params_(std::move(params)) {}
  State probe(System& system) const override { return {{"file:x", system.status(file()) ? "there" : "absent"}}; }
  Change plan(const State&) const override { return {}; }
  boost::json::object apply(System& system, const State&) const override {
    before(system);
    append_line(file(), "applied");
    return {{"said", "hunter2 was here"}};
  }
  void verify(System&, const State& before, const boost::json::object& outputs) const override {
    append_line(file(), "verified " + std::string(before.at("file:x").as_string()) + " " + text_param(outputs, "said"));
  }
  void undo(System&, const State&) const override { append_line(file(), "undone"); }

 protected:
  virtual void before(System&) const {}
  std::string file() const { return text_param(params_, "file"); }
  boost::json::object params_;
};

class ShellAction : public AppendingAction {  // "shell" is run before the line is appended
 public:
  using AppendingAction::AppendingAction;
  void before(System& system) const override {
    Command command;
    command.argv = {"sh", "-c", text_param(params_, "shell")};
    command.stream = true;
    system.progress(5, 10);
    const Exit exit = system.run(command);
    if (!exit.ok()) throw Failure("The shell said no to hunter2.", "sh -c hunter2", exit.code);
  }
};

class DyingAction : public AppendingAction {
 public:
  using AppendingAction::AppendingAction;
  void before(System&) const override { ::raise(SIGKILL); }
};

std::unique_ptr<Action> make_test_action(std::string_view name, const boost::json::object& params, const std::string&) {
  if (name == "append") return std::make_unique<AppendingAction>(params);
  if (name == "shell") return std::make_unique<ShellAction>(params);
  if (name == "die") return std::make_unique<DyingAction>(params);
  throw Failure("There is no action " + std::string(name) + ".");
}

/// An agent in a process of its own, and the job server that it talks to.
class AgentAndServer {
 public:
  explicit AgentAndServer(const std::string& state_folder) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      AgentLoop({"old", state_folder}, ::dup(ends[1]), ends[1], make_test_action).run();
      ::_exit(0);
    }
    ::close(ends[1]);
    fd_ = ends[0];
  }
  ~AgentAndServer() {
    disconnect();
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    reap();
  }
  AgentAndServer(const AgentAndServer&) = delete;
  AgentAndServer& operator=(const AgentAndServer&) = delete;

  void offer(const std::string& handle, const Job& job) { offer(handle, job.unique(), to_payload(job)); }
  void offer(const std::string& handle, const std::string& unique, const std::string& payload) {
    queue_.push_back(encode_response(PacketType::job_assign_uniq, {handle, "migrate@old", unique, payload}));
    if (asleep_) send(encode_response(PacketType::noop));
    asleep_ = false;
  }

  /// The next packet that is about a job. Serves grabs meanwhile.
  Packet next() {
    while (inbox_.empty()) receive();
    Packet packet = std::move(inbox_.front());
    inbox_.pop_front();
    return packet;
  }
  void serve_until(const std::function<bool()>& condition) {
    const bool came_true = becomes_true([&] {
      pollfd readable{fd_, POLLIN, 0};
      if (::poll(&readable, 1, 0) == 1) receive();
      return condition();
    });
    EXPECT_TRUE(came_true);
  }
  /// How the job ended; what it said before is in `said`.
  Outcome outcome_for(const std::string& handle) {
    for (;;) {
      Packet packet = next();
      const bool ends = packet.type == PacketType::work_complete || packet.type == PacketType::work_exception;
      if (ends && packet.args[0] == handle) {
        Outcome outcome = outcome_from_payload(packet.data());
        EXPECT_EQ(packet.type == PacketType::work_complete, outcome.kind == Outcome::Kind::done);
        return outcome;
      }
      if (packet.type == PacketType::work_data) said.push_back(message_from_payload(packet.data()).line);
      if (packet.type == PacketType::work_status) statuses.push_back(packet.args[1] + "/" + packet.args[2]);
      others.push_back(std::move(packet));
    }
  }
  Outcome carry_out(const std::string& handle, const Job& job) {
    offer(handle, job);
    return outcome_for(handle);
  }

  void disconnect() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int reap() {
    int status = -1;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  void signal(int number) const { ::kill(pid_, number); }
  const std::string& greeting() const { return greeting_; }
  const std::vector<std::string>& registered() const { return registered_; }

  std::vector<std::string> said, statuses;
  std::vector<Packet> others;

 private:
  void receive() {
    char bytes[65536];
    pollfd readable{fd_, POLLIN, 0};
    const auto size = ::poll(&readable, 1, test_patience_ms) == 1 ? ::read(fd_, bytes, sizeof bytes) : 0;
    if (size <= 0) throw std::runtime_error("the agent says nothing more");
    reader_.feed({bytes, static_cast<std::size_t>(size)});
    while (const auto item = reader_.next()) {
      if (item->line) {
        greeting_ = item->line->text;
      } else if (!serve(*item->packet)) {
        inbox_.push_back(*item->packet);
      }
    }
  }

  bool serve(const Packet& packet) {
    switch (packet.type) {
      case PacketType::set_client_id:
      case PacketType::can_do:
        registered_.push_back(packet.data());
        return true;
      case PacketType::pre_sleep:
        asleep_ = queue_.empty();
        if (!asleep_) send(encode_response(PacketType::noop));
        return true;
      case PacketType::grab_job_uniq:
        if (queue_.empty()) return send(encode_response(PacketType::no_job)), true;
        send(queue_.front());
        queue_.pop_front();
        return true;
      default:
        return false;
    }
  }
  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  int pid_ = -1;
  int fd_ = -1;
  PacketReader reader_;
  std::deque<std::string> queue_;
  std::deque<Packet> inbox_;
  std::string greeting_;
  std::vector<std::string> registered_;
  bool asleep_ = false;
};

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    char name[] = "/tmp/migrate-agent-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~AgentTest() override { std::filesystem::remove_all(folder_); }

  Job job(const std::string& action, const std::string& step, Verb verb = Verb::apply) const {
    Job job;
    job.run = "7f3a";
    job.step = step;
    job.host = "old";
    job.verb = verb;
    job.action = action;
    job.params = {{"file", file()}};
    job.before = {{"file:x", "absent"}};
    job.masked = {"hunter2"};
    return job;
  }
  Job shell(const std::string& step, const std::string& text) const {
    Job made = job("shell", step);
    made.params["shell"] = text;
    return made;
  }
  /// Says that it has begun by the file `begun`, and goes on when the file `go` is there.
  Job waiting(const std::string& step) const {
    return shell(step, "touch " + folder_ + "/begun; until [ -e " + folder_ + "/go ]; do sleep 0.005; done");
  }
  void serve_until_begun(AgentAndServer& agent) const {
    agent.serve_until([this] { return std::filesystem::exists(folder_ + "/begun"); });
  }
  void let_go() const { std::ofstream(folder_ + "/go") << ""; }
  std::string file() const { return folder_ + "/file"; }

  std::string folder_;
};

TEST_F(AgentTest, GreetsAndRegistersItsFunction) {
  AgentAndServer agent(folder_);
  EXPECT_EQ(agent.carry_out("H:1", job("append", "1.1", Verb::probe)).kind, Outcome::Kind::done);
  EXPECT_EQ(agent.greeting(), "migrate-agent 1");
  EXPECT_EQ(agent.registered(), (std::vector<std::string>{"old", "migrate@old"}));
}

TEST_F(AgentTest, CarriesOutTheFourVerbs) {
  AgentAndServer agent(folder_);
  EXPECT_EQ(agent.carry_out("H:1", job("append", "1.1", Verb::probe)).state.at("file:x").as_string(), "absent");
  const Outcome applied = agent.carry_out("H:2", job("append", "1.1"));
  EXPECT_EQ(applied.outputs.at("said").as_string(), "**** was here");
  Job verify = job("append", "1.1", Verb::verify);
  verify.outputs = applied.outputs;
  EXPECT_EQ(agent.carry_out("H:3", verify).kind, Outcome::Kind::done);
  EXPECT_EQ(agent.carry_out("H:4", job("append", "1.1", Verb::undo)).kind, Outcome::Kind::done);
  EXPECT_EQ(content_of(file()), "applied\nverified absent **** was here\nundone\n");
}

TEST_F(AgentTest, ReportsAFailureWithItsCommandMasked) {
  AgentAndServer agent(folder_);
  const Outcome outcome = agent.carry_out("H:1", shell("1.1", "exit 3"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error, "The shell said no to ****.");
  EXPECT_EQ(outcome.command, "sh -c ****");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(agent.carry_out("H:2", job("unheard.of", "1.2")).error, "There is no action unheard.of.");
}

TEST_F(AgentTest, StreamsOutputAndProgress) {
  AgentAndServer agent(folder_);
  EXPECT_EQ(agent.carry_out("H:1", shell("1.1", "echo one; echo hunter2; printf 'bad \\377'")).kind,
            Outcome::Kind::done);
  EXPECT_EQ(agent.said, (std::vector<std::string>{"", "one", "****", "bad \uFFFD"}));  // the first is the progress
  EXPECT_EQ(agent.statuses, std::vector<std::string>{"5/10"});
}

TEST_F(AgentTest, RunsJobsSideBySide) {
  AgentAndServer agent(folder_);
  agent.offer("H:1", waiting("1.1"));
  agent.offer("H:2", shell("1.2", "touch " + folder_ + "/go"));
  EXPECT_EQ(agent.outcome_for("H:1").kind, Outcome::Kind::done);
}

TEST_F(AgentTest, TakesMoreJobsThanItRunsAtOnce) {
  AgentAndServer agent(folder_);
  for (int number = 1; number <= 40; ++number)
    agent.offer("H:" + std::to_string(number), job("append", std::to_string(number)));
  for (int ended = 0; ended < 40; ++ended) {
    const Packet packet = agent.next();
    EXPECT_EQ(packet.type, PacketType::work_complete);
  }
  EXPECT_EQ(content_of(file()).size(), 40 * std::string("applied\n").size());
}

TEST_F(AgentTest, SaysThatAJobsProcessWasKilled) {
  AgentAndServer agent(folder_);
  const Outcome outcome = agent.carry_out("H:1", job("die", "1.1"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_NE(outcome.error.find("was killed by signal 9"), std::string::npos) << outcome.error;
  EXPECT_EQ(agent.carry_out("H:2", job("append", "1.2")).kind, Outcome::Kind::done);  // that job alone was lost
}

TEST_F(AgentTest, EndsTheWholeTreeOfAJobPastItsTime) {
  AgentAndServer agent(folder_);
  Job job = shell("1.1", "sleep 1000 & echo $! > " + folder_ + "/pid; sleep 1001");
  job.timeout = std::chrono::milliseconds(300);
  const Outcome outcome = agent.carry_out("H:1", job);
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_NE(outcome.error.find("timed out after 300 ms"), std::string::npos) << outcome.error;
  EXPECT_NE(outcome.command.find("sleep 100"), std::string::npos) << outcome.command;
  const int orphan = std::stoi(content_of(folder_ + "/pid"));
  EXPECT_TRUE(becomes_true([&] { return !still_runs(identity_of(orphan)); }));
  EXPECT_EQ(content_of(file()), "");
}

TEST_F(AgentTest, AnswersFromTheLedgerWhatItDidBefore) {
  AgentAndServer agent(folder_);
  EXPECT_FALSE(agent.carry_out("H:1", job("append", "1.1")).from_ledger);
  const Outcome again = agent.carry_out("H:2", job("append", "1.1"));
  EXPECT_TRUE(again.from_ledger);
  EXPECT_EQ(again.outputs.at("said").as_string(), "**** was here");
  EXPECT_EQ(content_of(file()), "applied\n");
  EXPECT_EQ(agent.carry_out("H:3", shell("1.2", "exit 3")).exit_code, 3);
  const Outcome failed_again = agent.carry_out("H:4", shell("1.2", "exit 3"));
  EXPECT_TRUE(failed_again.from_ledger);
  EXPECT_EQ(failed_again.exit_code, 3);
}

TEST_F(AgentTest, ProbesAnewEachTime) {
  AgentAndServer agent(folder_);
  EXPECT_EQ(agent.carry_out("H:1", job("append", "1.1", Verb::probe)).state.at("file:x").as_string(), "absent");
  append_line(file(), "x");
  EXPECT_EQ(agent.carry_out("H:2", job("append", "1.1", Verb::probe)).state.at("file:x").as_string(), "there");
}

TEST_F(AgentTest, AttachesToAJobThatStillRuns) {
  AgentAndServer agent(folder_);
  agent.offer("H:1", waiting("1.1"));
  serve_until_begun(agent);
  agent.offer("H:2", waiting("1.1"));
  agent.offer("H:3", job("append", "1.2", Verb::probe));
  agent.outcome_for("H:3");  // so the agent has seen H:2
  let_go();
  EXPECT_FALSE(agent.outcome_for("H:1").from_ledger);
  EXPECT_EQ(agent.outcome_for("H:2").kind, Outcome::Kind::done);
  EXPECT_EQ(content_of(file()), "applied\n");
}

TEST_F(AgentTest, LetsItsJobsEndWhenTheConnectionIsGoneAndKeepsTheOutcome) {
  AgentAndServer first(folder_);
  first.offer("H:1", waiting("1.1"));
  serve_until_begun(first);
  first.disconnect();
  let_go();
  EXPECT_EQ(first.reap(), 0);
  AgentAndServer second(folder_);
  const Outcome outcome = second.carry_out("H:1", waiting("1.1"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::done);
  EXPECT_TRUE(outcome.from_ledger);
  EXPECT_EQ(content_of(file()), "applied\n");
}

TEST_F(AgentTest, WaitsForAJobThatRunsUnderAnotherAgent) {
  AgentAndServer first(folder_);
  first.offer("H:1", waiting("1.1"));
  serve_until_begun(first);
  first.disconnect();
  AgentAndServer second(folder_);
  second.offer("H:1", waiting("1.1"));
  second.offer("H:2", job("append", "1.2", Verb::probe));
  second.outcome_for("H:2");  // so the second agent has seen H:1
  let_go();
  const Outcome outcome = second.outcome_for("H:1");
  EXPECT_EQ(outcome.kind, Outcome::Kind::done);
  EXPECT_TRUE(outcome.from_ledger);
  EXPECT_EQ(content_of(file()), "applied\n");
}

TEST_F(AgentTest, SaysInterruptedAfterItWasKilledInAJob) {
  const Job job = shell("1.1", "sleep 1000 & echo $! > " + folder_ + "/pid; touch " + folder_ + "/begun; wait");
  AgentAndServer first(folder_);
  first.offer("H:1", job);
  serve_until_begun(first);
  first.signal(SIGKILL);
  first.reap();
  AgentAndServer second(folder_);
  const Outcome outcome = second.carry_out("H:1", job);
  EXPECT_EQ(outcome.kind, Outcome::Kind::interrupted);
  EXPECT_TRUE(outcome.from_ledger);
  EXPECT_NE(outcome.error.find("It was begun at 20"), std::string::npos) << outcome.error;
  const int orphan = std::stoi(content_of(folder_ + "/pid"));
  EXPECT_TRUE(becomes_true([&] { return !still_runs(identity_of(orphan)); }));
  EXPECT_EQ(content_of(file()), "");
  EXPECT_EQ(second.carry_out("H:2", job).kind, Outcome::Kind::interrupted);
}

TEST_F(AgentTest, EndsItsJobsAndSaysSoOnSigterm) {
  AgentAndServer agent(folder_);
  agent.offer("H:1", shell("1.1", "touch " + folder_ + "/begun; sleep 1000"));
  serve_until_begun(agent);
  agent.signal(SIGTERM);
  const Outcome outcome = agent.outcome_for("H:1");
  EXPECT_EQ(outcome.kind, Outcome::Kind::interrupted);
  EXPECT_NE(outcome.error.find("SIGTERM"), std::string::npos) << outcome.error;
  EXPECT_EQ(agent.reap(), 0);
}

TEST_F(AgentTest, BeginsNothingThatTheLedgerCannotRecord) {
  AgentAndServer agent(folder_);
  agent.carry_out("H:1", job("append", "1.1", Verb::probe));
  SQLite::Database(folder_ + "/ledger.db", SQLite::OPEN_READWRITE)
      .exec("CREATE TRIGGER t BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'disk says no'); END");
  const Outcome outcome = agent.carry_out("H:2", job("append", "1.1"));
  EXPECT_NE(outcome.kind, Outcome::Kind::done);
  EXPECT_NE(outcome.error.find("disk says no"), std::string::npos) << outcome.error;
  EXPECT_EQ(content_of(file()), "");
}

TEST_F(AgentTest, DoesNothingWhenItCannotTellWhetherItDidItBefore) {
  AgentAndServer agent(folder_);
  EXPECT_EQ(agent.carry_out("H:1", job("append", "1.1")).kind, Outcome::Kind::done);
  SQLite::Database(folder_ + "/ledger.db", SQLite::OPEN_READWRITE).exec("UPDATE jobs SET outcome='{nonsense'");
  EXPECT_EQ(agent.carry_out("H:2", job("append", "1.1")).kind, Outcome::Kind::lost);
  EXPECT_EQ(content_of(file()), "applied\n");
}

TEST_F(AgentTest, DoesNothingInAProcessThatIsNotLetGo) {
  const JobProcess process = fork_job_process(folder_, make_test_action);
  ::close(process.fd);
  EXPECT_EQ(::waitpid(process.identity.pid, nullptr, 0), process.identity.pid);
  EXPECT_EQ(content_of(file()), "");
}

TEST_F(AgentTest, StoresNoSecret) {
  {
    AgentAndServer agent(folder_);
    agent.carry_out("H:1", shell("1.1", "true hunter2; exit 3"));
    agent.carry_out("H:2", job("append", "1.2"));
    agent.disconnect();
    EXPECT_EQ(agent.reap(), 0);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_EQ(content_of(entry.path()).find("hunter2"), std::string::npos) << entry.path();
  }
}

TEST_F(AgentTest, LosesNothingOfMuchOutput) {
  AgentAndServer agent(folder_);
  const Job job = shell("1.1", "touch " + folder_ + "/begun; head -c 20000000 /dev/zero | tr '\\0' x | fold -w 50000");
  agent.offer("H:1", job);
  serve_until_begun(agent);
  EXPECT_EQ(agent.outcome_for("H:1").kind, Outcome::Kind::done);
  ASSERT_EQ(agent.said.size(), 1 + 400u);
  EXPECT_EQ(agent.said.back(), std::string(50000, 'x'));
}

TEST_F(AgentTest, RefusesWhatItCannotRead) {
  AgentAndServer agent(folder_);
  agent.offer("H:1", "some-id", "{nonsense");
  const Outcome outcome = agent.outcome_for("H:1");
  EXPECT_EQ(outcome.kind, Outcome::Kind::refused);
  EXPECT_NE(outcome.error.find("Nothing was done"), std::string::npos);
  Job elsewhere = job("append", "1.1");
  elsewhere.host = "new";
  EXPECT_EQ(agent.carry_out("H:2", elsewhere).kind, Outcome::Kind::refused);
  EXPECT_EQ(content_of(file()), "");
}

}  // namespace
}  // namespace migrate
