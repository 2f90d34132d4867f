#include "runner/ssh/bundle.h"

#include "runner/ssh/loaded_files.h"
#include "tests/unit/ssh/test_sshd.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <future>

namespace migrate {
namespace {

TEST(Bundle, KnowsTheFilesOfTheRunningProgram) {
  const auto files = find_loaded_files();
  EXPECT_EQ(std::filesystem::path(files.program), std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_NE(files.loader.find("ld-linux"), std::string::npos);
  EXPECT_TRUE(files.libraries.contains("libc.so.6"));
  EXPECT_TRUE(files.libraries.contains("libssh.so.4"));
}

TEST(Bundle, StartsFromItsOwnFolderThroughItsOwnLoader) {
  const SshTestFolder folder;
  const auto bundle = make_bundle(folder / "cache");
  const auto there = folder / "there";
  std::filesystem::create_directory(there);
  run_program({"tar", "-xzf", bundle.path, "-C", there});
  EXPECT_TRUE(std::filesystem::exists(there + "/lib/libc.so.6"));
  run_program({there + "/migrate-agent", "--gtest_list_tests"});
  // Made again by the program in there: the same files, so the same bytes.
  run_program({"env", "MIGRATE_TEST_CACHE=" + (folder / "second"), there + "/migrate-agent",
               "--gtest_filter=Bundle.MakesOneWhereToldTo"});
  bool found = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "second")) {
    if (entry.path().extension() != ".digest") continue;
    found = true;
    EXPECT_EQ(read_text(entry.path().string()).substr(0, 64), bundle.digest);
  }
  EXPECT_TRUE(found);
}

TEST(Bundle, MakesOneWhereToldTo) {
  if (const char* cache = std::getenv("MIGRATE_TEST_CACHE")) make_bundle(cache);
}

TEST(Bundle, IsTakenFromTheCacheTheSecondTime) {
  const SshTestFolder folder;
  const auto first = make_bundle(folder / "cache");
  const auto begun = std::chrono::steady_clock::now();
  const auto second = make_bundle(folder / "cache");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(100));
  EXPECT_EQ(second.path, first.path);
  EXPECT_EQ(second.digest, first.digest);
}

TEST(Bundle, IsMadeAgainWhenItIsNotWhole) {
  const SshTestFolder folder;
  const auto first = make_bundle(folder / "cache");
  const auto size = std::filesystem::file_size(first.path);
  std::filesystem::resize_file(first.path, size / 2);
  EXPECT_EQ(make_bundle(folder / "cache").digest, first.digest);
  EXPECT_EQ(std::filesystem::file_size(first.path), size);
}

TEST(Bundle, MayBeMadeTwiceAtOnce) {
  const SshTestFolder folder;
  auto other = std::async(std::launch::async, [&] { return make_bundle(folder / "cache"); });
  const auto one = make_bundle(folder / "cache");
  EXPECT_EQ(other.get().digest, one.digest);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "cache"), {}), 2) << "no temporary files stay";
}

}  // namespace
}  // namespace migrate
