// Debian's own command-line tools against our server, as the seed story uses them.
#include "tests/unit/jobserver/running_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <regex>

namespace migrate {
namespace {

using jobserver_test::RawPeer;
using jobserver_test::RunningServer;

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(("timeout 20 sh -c '" + command + "' 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), size);
  ::pclose(pipe);
  return out;
}

/// `gearman -w -f mytest -- cat`, ended by its pid.
class GearmanWorker {
 public:
  explicit GearmanWorker(std::uint16_t port) : pid_(::fork()) {
    if (pid_ != 0) return;
    const std::string text = std::to_string(port);
    ::execlp("gearman", "gearman", "-h", "127.0.0.1", "-p", text.c_str(), "-w", "-f", "mytest", "--", "cat", nullptr);
    ::_exit(127);
  }
  ~GearmanWorker() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

class GearmanTools : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("gearman") || !is_installed("gearadmin"))
      GTEST_SKIP() << "gearman and gearadmin are not installed (apt-get install gearman-tools)";
  }

  void wait_for_workers(const std::string& row) {
    RawPeer admin = RawPeer::on(server_.path());
    for (int i = 0; i < 1000; ++i) {
      admin.send("status\n");
      bool found = false;
      for (std::string line = admin.line(); line != "."; line = admin.line()) found = found || line == row;
      if (found) return;
      ::usleep(10000);
    }
    FAIL() << "no worker has registered";
  }

  std::string port() const { return std::to_string(server_.port()); }
  RunningServer server_;
};

TEST_F(GearmanTools, TheSeedsWorkerAndClientWork) {
  const GearmanWorker worker(server_.port());
  wait_for_workers("mytest\t0\t0\t1");
  EXPECT_EQ(output_of("echo hi there | gearman -h 127.0.0.1 -p " + port() + " -f mytest"), "hi there\n");
  EXPECT_EQ(output_of("echo again | gearman -h 127.0.0.1 -p " + port() + " -I -u unique-1 -f mytest"), "again\n");
}

TEST_F(GearmanTools, AHundredLinesAreAHundredJobs) {
  const GearmanWorker worker(server_.port());
  wait_for_workers("mytest\t0\t0\t1");
  EXPECT_EQ(output_of("seq 100 | gearman -h 127.0.0.1 -p " + port() + " -n -f mytest"), output_of("seq 100"));
}

TEST_F(GearmanTools, BackgroundJobsWaitForAWorker) {
  EXPECT_EQ(output_of("gearman -h 127.0.0.1 -p " + port() + " -b -f mytest one"), "");
  wait_for_workers("mytest\t1\t0\t0");
  const GearmanWorker worker(server_.port());
  wait_for_workers("mytest\t0\t0\t1");
}

TEST_F(GearmanTools, GearadminReadsOurLists) {
  RawPeer worker = RawPeer::on(server_.port());
  worker.send(PacketType::can_do, {"mytest"});
  worker.send(PacketType::set_client_id, {"me"});
  wait_for_workers("mytest\t0\t0\t1");
  const auto gearadmin = [&](const std::string& what) {
    return output_of("gearadmin -h 127.0.0.1 -p " + port() + " --" + what);
  };
  EXPECT_EQ(gearadmin("status"), "mytest\t0\t0\t1\n.\n");
  EXPECT_EQ(gearadmin("priority-status"), "mytest\t0\t0\t0\t1\n.\n");
  EXPECT_THAT(gearadmin("workers"), testing::ContainsRegex("[0-9]+ 127.0.0.1 me : mytest\n"));
  EXPECT_THAT(gearadmin("server-version"), testing::HasSubstr(MIGRATE_VERSION));
  EXPECT_THAT(gearadmin("getpid"), testing::HasSubstr(std::to_string(::getpid())));
  EXPECT_EQ(gearadmin("show-jobs"), ".\n");
}

}  // namespace
}  // namespace migrate
