// What people and programs see of a run while it runs. A terminal gets a live picture, a pipe one line per event,
// `--json` stable JSON lines. Reports only show: nothing depends on what they do.
#pragma once

#include "plans/plan.h"
#include "runner/engine/dry_run.h"
#include "runner/engine/turn.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace migrate {

class Report {
 public:
  virtual ~Report() = default;
  virtual void agents_begin(const std::vector<std::string>& hosts) = 0;
  virtual void agent(const std::string& host, const std::string& what) = 0;
  /// `steps`: that are to be undone, empty when going forward.
  virtual void begin(const RunState& state, const std::vector<int>& steps) = 0;
  virtual void job(const Job& job) = 0;
  virtual void record(const Record& record, const RunState& state) = 0;
  virtual void output(const std::string& step, const std::string& host, const std::string& line) = 0;
  virtual void progress(const std::string& step, const std::string& host, std::uint64_t done, std::uint64_t total) = 0;
  /// Called a few times a second while the loop runs.
  virtual void tick(Time now, const RunState& state) = 0;
  virtual void notice(const std::string& text) = 0;
  /// A person is being asked: nothing may be drawn over the question until the answer is there.
  virtual void question(bool open) = 0;
  virtual void finish(const Finish& finish, const RunState& state) = 0;
  virtual void dry_run(const std::vector<DryRun::StepPreview>& previews) = 0;
};

struct ReportOptions {
  std::string run;
  std::function<void(std::string_view)> write;  // to standard output
  bool live = false;                            // a terminal that understands ANSI
  int width = 100;
};

std::unique_ptr<Report> make_text_report(const Plan& plan, ReportOptions options);
std::unique_ptr<Report> make_json_report(const Plan& plan, ReportOptions options);

}  // namespace migrate
