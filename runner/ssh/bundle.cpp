#include "runner/ssh/bundle.h"

#include "runner/ssh/loaded_files.h"
#include "runner/ssh/tar_writer.h"
#include "steps/failure.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

namespace migrate {
namespace {

namespace fs = std::filesystem;

constexpr auto kept_for = std::chrono::hours(24 * 30);

class Sha256 {
 public:
  Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), value.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", value[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

std::string digest_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Failure(fmt::format("Cannot read {}.", path.string()));
  Sha256 digest;
  std::array<char, 256 * 1024> bytes{};
  while (in.read(bytes.data(), bytes.size()), in.gcount() > 0) {
    digest.add({bytes.data(), static_cast<std::size_t>(in.gcount())});
  }
  return digest.hex();
}

// `--argv0` would let the program see the script's name, but loaders know it only since glibc 2.33, and nothing here
// looks at argv[0]. MIGRATE_PROGRAM is what to start to get this program again: /proc/self/exe is the loader.
std::string start_script(const std::string& loader) {
  return fmt::format(
      "#!/bin/sh\n"
      "d=$(dirname \"$0\") && d=$(cd \"$d\" && pwd -P) || exit 127\n"
      "MIGRATE_PROGRAM=$d/migrate-agent\n"
      "export MIGRATE_PROGRAM\n"
      "exec \"$d/lib/{0}\" --library-path \"$d/lib\" \"$d/program\" \"$@\"\n",
      loader);
}

// What would be inside, without reading it: a file that is written or replaced gets a new change time.
std::string key_of(const LoadedFiles& files) {
  Sha256 key;
  const auto add = [&key](const std::string& name, const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) throw Failure(fmt::format("Cannot read {}.", path));
    key.add(fmt::format("{} {} {} {} {} {}.{:09}\n", name, fs::canonical(path).string(), found.st_dev, found.st_ino,
                        found.st_size, found.st_ctim.tv_sec, found.st_ctim.tv_nsec));
  };
  add("program", files.program);
  add("loader", files.loader);
  for (const auto& [name, path] : files.libraries) add(name, path);
  key.add(start_script("loader"));
  return key.hex().substr(0, 16);
}

void write_archive(const LoadedFiles& files, const fs::path& path) {
  const auto loader = fs::path(files.loader).filename().string();
  TarWriter tar(path.string());
  tar.add_text("migrate-agent", start_script(loader), 0755);
  tar.add_file("program", files.program, 0755);
  tar.add_folder("lib");
  tar.add_file("lib/" + loader, files.loader, 0755);
  for (const auto& [name, library] : files.libraries) tar.add_file("lib/" + name, library, 0644);
  tar.finish();
}

// "<digest> <size>": written after the archive is in place, so what it says is there is there.
std::optional<Bundle> kept_bundle(const fs::path& archive, const fs::path& note) {
  std::string digest;
  std::uintmax_t size = 0;
  std::ifstream in(note);
  std::error_code none;
  if (!(in >> digest >> size) || digest.size() != 64 || fs::file_size(archive, none) != size || none) return {};
  fs::last_write_time(archive, fs::file_time_type::clock::now(), none);  // in use: not to be cleared away
  fs::last_write_time(note, fs::file_time_type::clock::now(), none);
  return Bundle{archive.string(), digest};
}

// Each build of the program leaves its bundle here. Nothing depends on an old one, so a failure is nobody's business.
void clear_old(const fs::path& folder) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().filename().string().rfind("bundle-", 0) != 0) continue;
    const auto written = entry.last_write_time(none);
    if (!none && written < fs::file_time_type::clock::now() - kept_for) fs::remove(entry.path(), none);
  }
}

// Two programs, or two threads, may make the same bundle at once: each writes its own file, the last rename wins, and
// both have the same bytes.
std::string temporary_suffix() {
  static std::atomic<unsigned> counter{0};
  return fmt::format(".{}-{}", ::getpid(), counter++);
}

Bundle write_bundle(const LoadedFiles& files, const fs::path& archive, const fs::path& note) {
  const auto suffix = temporary_suffix();
  const fs::path new_archive = archive.string() + suffix, new_note = note.string() + suffix;
  std::error_code none;
  try {
    write_archive(files, new_archive);
    const auto digest = digest_of_file(new_archive);
    if (!(std::ofstream(new_note) << digest << ' ' << fs::file_size(new_archive) << std::endl)) {
      throw Failure(fmt::format("Cannot write {}: is the disk full?", new_note.string()));
    }
    fs::rename(new_archive, archive);
    fs::rename(new_note, note);
    return {archive.string(), digest};
  } catch (...) {
    fs::remove(new_archive, none);
    fs::remove(new_note, none);
    throw;
  }
}

}  // namespace

Bundle make_bundle(const std::string& cache_folder) try {
  const fs::path folder = fs::absolute(cache_folder);
  const auto files = find_loaded_files();
  const auto key = key_of(files);
  const auto archive = folder / ("bundle-" + key + ".tar.gz"), note = folder / ("bundle-" + key + ".digest");
  if (const auto kept = kept_bundle(archive, note)) return *kept;
  fs::create_directories(folder);
  clear_old(folder);
  return write_bundle(files, archive, note);
} catch (const fs::filesystem_error& error) {
  throw Failure(fmt::format("Cannot make the agent's bundle in {}: {}.", cache_folder, error.what()));
}

}  // namespace migrate
