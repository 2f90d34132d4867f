#include "steps/cron.h"

#include "steps/file_edit.h"
#include "steps/params.h"

#include <fmt/format.h>

#include <cctype>
#include <set>

namespace migrate {

namespace {

constexpr std::string_view mark = "#migrate# ";

std::string_view without_blanks_before(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

/// NAME=value, NAME = value; cron allows quotes around the name.
bool is_setting(std::string_view line) {
  std::size_t at = 0;
  if (line[0] == '"' || line[0] == '\'') {
    at = line.find(line[0], 1);
    if (at == std::string_view::npos) return false;
    ++at;
  } else {
    if (!std::isalpha(static_cast<unsigned char>(line[0])) && line[0] != '_') return false;
    while (at < line.size() && (std::isalnum(static_cast<unsigned char>(line[at])) || line[at] == '_')) ++at;
  }
  line = without_blanks_before(line.substr(at));
  return !line.empty() && line.front() == '=';
}

/// Whatever cron would try to run: neither empty nor a comment nor a setting.
bool is_job(std::string_view line) {
  line = without_blanks_before(line);
  return !line.empty() && line.front() != '#' && line.front() != '\r' && !is_setting(line);
}

bool is_disabled(std::string_view line) { return line.rfind(mark, 0) == 0; }

std::set<std::string> lines_where(const std::string& text, bool (*wanted)(std::string_view)) {
  std::set<std::string> found;
  with_lines(text, [&](std::string_view line) {
    if (wanted(line)) found.emplace(line);
    return std::string();
  });
  return found;
}

class CronDisable : public FileEdit {
 public:
  using FileEdit::FileEdit;

 protected:
  std::string edited(const std::string& text) const override {
    return with_lines(text, [](std::string_view line) { return std::string(is_job(line) ? mark : "").append(line); });
  }
  std::string taken_back(const std::string& text, const std::string& before) const override {
    std::set<std::string> jobs = lines_where(before, is_job);
    return with_lines(text, [&](std::string_view line) {
      std::string job(is_disabled(line) ? line.substr(mark.size()) : line);
      return jobs.count(job) != 0 ? job : std::string(line);
    });
  }
  std::string summary(const std::string& text) const override {
    return fmt::format("{} job line(s) commented out", lines_where(text, is_job).size());
  }
  std::string undo_summary() const override { return "put the file back as it was"; }
};

class CronEnable : public FileEdit {
 public:
  using FileEdit::FileEdit;

 protected:
  std::string edited(const std::string& text) const override {
    return with_lines(
        text, [](std::string_view line) { return std::string(is_disabled(line) ? line.substr(mark.size()) : line); });
  }
  std::string taken_back(const std::string& text, const std::string& before) const override {
    std::set<std::string> disabled = lines_where(before, is_disabled);
    return with_lines(text, [&](std::string_view line) {
      std::string marked = std::string(mark).append(line);
      return disabled.count(marked) != 0 ? marked : std::string(line);
    });
  }
  std::string summary(const std::string& text) const override {
    return fmt::format("{} job line(s) brought back", lines_where(text, is_disabled).size());
  }
  std::string undo_summary() const override { return "comment them out again"; }
};

}  // namespace

std::vector<ActionSchema> cron_schemas() {
  ActionSchema disable;
  disable.name = "cron.disable";
  disable.summary = "Comments out every job of a cron file, so that nothing of it runs.";
  disable.fields = {{"file", FieldType::text, true, "a file like /etc/cron.d/NAME"}};
  disable.shorthand = "file";
  disable.undo = "puts the file back to the byte, mtime included";
  disable.example = "cron.disable: { file: /etc/cron.d/libravatar-slave }";
  ActionSchema enable = disable;
  enable.name = "cron.enable";
  enable.summary = "Brings back the jobs that cron.disable commented out.";
  enable.example = "cron.enable: { file: /etc/cron.d/libravatar-slave }";
  return {disable, enable};
}

std::unique_ptr<Action> make_cron(std::string_view action, const boost::json::object& params, const std::string&) {
  std::string file = text_param(params, "file");
  if (action == "cron.disable") return std::make_unique<CronDisable>(file);
  return std::make_unique<CronEnable>(file);
}

}  // namespace migrate
