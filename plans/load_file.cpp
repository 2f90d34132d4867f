#include "plans/load.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace migrate {
namespace {

constexpr std::size_t most_bytes = 17u << 20;  // a little more than any bound of load_plan(), so that it can tell

/// The first bytes of a file. nullopt, with `reason` set, when it cannot be read.
std::optional<std::string> read_bytes(const std::string& path, std::string& reason) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    reason = "it is a folder";
    return std::nullopt;
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(64 * 1024, '\0');
  std::string content;
  while (file && content.size() < most_bytes) {
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    content.append(bytes, 0, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) {
    reason = errno != 0 ? std::strerror(errno) : "it cannot be read";
    return std::nullopt;
  }
  return content;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

Loaded load_plan_file(const std::string& path, const std::map<std::string, std::string>& vars,
                      const ActionTable& actions) {
  std::string reason;
  auto text = read_bytes(path, reason);
  if (!text) {
    Loaded loaded{std::nullopt, Diagnostics(path, "")};
    loaded.diagnostics.error({}, fmt::format("the plan cannot be read: {}", reason));
    return loaded;
  }
  auto read_file = [](const std::string& file) {
    std::string ignored;  // the diagnostic names the path; the reason has no place in this interface
    return read_bytes(file, ignored);
  };
  return load_plan({path, std::move(*text), vars, environment_variable, read_file}, actions);
}

}  // namespace migrate
