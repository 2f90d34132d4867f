#include "runner/plan_snapshot.h"

#include "plans/digest.h"
#include "steps/base64.h"
#include "steps/catalogue.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace migrate {
namespace {

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::map<std::string, std::string> texts_of(const boost::json::object& object) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : object) texts[std::string(key)] = std::string(value.as_string());
  return texts;
}

}  // namespace

Loaded load_and_capture(const std::string& path, const std::map<std::string, std::string>& vars,
                        RunSnapshot& snapshot) {
  const auto text = content_of(path);
  if (!text) return load_plan_file(path, vars, action_table());  // says why
  snapshot.file = path;
  snapshot.text = *text;
  for (const auto& [name, value] : vars) snapshot.vars[name] = value;
  LoadInput input;
  input.file = path;
  input.text = *text;
  input.vars = vars;
  input.read_file = [&snapshot](const std::string& beside) {
    auto content = content_of(beside);
    if (content) snapshot.files[beside] = to_base64(*content);
    return content;
  };
  input.environment = [&snapshot](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    snapshot.environment[name] = value;
    return std::string(value);
  };
  Loaded loaded = load_plan(input, action_table());
  if (loaded.plan) {
    snapshot.plan_name = loaded.plan->name;
    snapshot.digest = loaded.plan->digest;
  }
  return loaded;
}

Plan load_captured(const RunSnapshot& snapshot) {
  const auto files = texts_of(snapshot.files);
  const auto environment = texts_of(snapshot.environment);
  LoadInput input;
  input.file = snapshot.file;
  input.text = snapshot.text;
  input.vars = texts_of(snapshot.vars);
  input.read_file = [&files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return from_base64(found->second);
  };
  input.environment = [&environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
  Loaded loaded = load_plan(input, action_table());
  if (!loaded.plan) {
    throw std::runtime_error("the plan of run " + snapshot.id + " is not understood by this version of migrate:\n" +
                             loaded.diagnostics.render());
  }
  return std::move(*loaded.plan);
}

bool plan_was_edited(const RunSnapshot& snapshot) {
  const auto text = content_of(snapshot.file);
  return text && *text != snapshot.text;
}

}  // namespace migrate
