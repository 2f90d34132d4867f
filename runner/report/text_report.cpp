#include "runner/report/report.h"
#include "runner/report/words.h"
#include "steps/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace migrate {
namespace {

constexpr auto quiet_limit = std::chrono::seconds(10);  // nothing is ever silent for longer

/// Lines for people. On a terminal, what runs now stands below the lines as a live picture that is drawn again.
class TextReport : public Report {
 public:
  TextReport(const Plan& plan, ReportOptions options) : plan_(plan), options_(std::move(options)) {}

  void agents_begin(const std::vector<std::string>& hosts) override {
    line(fmt::format("Reaching {}", fmt::join(hosts, ", ")));
  }
  void agent(const std::string& host, const std::string& what) override {
    if (options_.live) {
      agents_[host] = what;
      draw();
    } else {
      line(fmt::format("  {:<10} {}", host, what));
    }
  }
  void begin(const RunState& state, const std::vector<int>& steps) override {
    agents_.clear();
    if (!steps.empty())
      line(fmt::format("Run {}: taking back {} step{}", options_.run, steps.size(), steps.size() == 1 ? "" : "s"));
    if (steps.empty()) line(fmt::format("Run {} of {}: {} steps", options_.run, plan_.name, state.size()));
  }
  void job(const Job& job) override {
    const std::string number = job.step.substr(0, job.step.find('/'));
    auto index = plan_.find_step(number);
    if (!index) return;
    phase_title(*index);
    Running& now = running_[{*index, job.host}];
    now.verb = job.step.ends_with("/undo") || job.verb == Verb::undo ? "undo" : std::string(to_text(job.verb));
    if (now.begun == Time{}) now.begun = std::chrono::system_clock::now();
  }
  void record(const Record& record, const RunState& state) override {
    if (record.step.empty()) return run_record(record);
    const int index = *plan_.find_step(record.step);
    const Step& step = plan_.steps[static_cast<std::size_t>(index)];
    const StepStatus& status = state.step(index);
    phase_title(index);
    switch (record.kind) {
      case RecordKind::verified:
        forget(index, record.host);
        if (status.until) waits_.clear();
        if (status.done()) line(done_line(step, status, record.time));
        break;
      case RecordKind::undone:
        forget(index, record.host);
        if (!status.touched())
          line(fmt::format("    {:<5} undone  {:<56} {}", step.number, step.name, hosts_text(step)));
        break;
      case RecordKind::failed:
      case RecordKind::unknown:
        forget(index, record.host);
        line(failure_text(plan_, options_.run, index, state, record.time));
        break;
      case RecordKind::undo_failed:
        forget(index, record.host);
        line(fmt::format("x   {:<5} NOT UNDONE  {} on {}: {}", step.number, step.name, record.host,
                         printable(std::string(record.data.at("error").as_string()))));
        break;
      case RecordKind::skipped:
        line(fmt::format("    {:<5} skipped {}", step.number, step.name));
        break;
      case RecordKind::waiting:
        if (status.until)
          line(fmt::format("    {:<5} waits until {}  {}", step.number, time_text(*status.until), step.name));
        break;
      default:
        break;
    }
  }
  void output(const std::string& step, const std::string& host, const std::string& text) override {
    if (options_.live) {
      last_output_ = fmt::format("{} {}: {}", step, host, printable(text));
    } else {
      line(fmt::format("          {} {} | {}", step, host, printable(text)));
    }
  }
  void progress(const std::string& number, const std::string& host, std::uint64_t done, std::uint64_t total) override {
    if (auto index = plan_.find_step(number)) {
      auto found = running_.find({*index, host});
      if (found == running_.end()) return;
      found->second.done = done;
      found->second.total = total;
    }
  }
  void tick(Time now, const RunState& state) override {
    downtime_ = state.downtime(now);
    waits_.clear();
    for (int index = 0; index < state.size(); ++index) {
      const StepStatus& status = state.step(index);
      if (!status.until || status.done() || *status.until < now) continue;
      const Step& step = plan_.steps[static_cast<std::size_t>(index)];
      waits_ += fmt::format("    {:<5} waits   {}  until {}, {} left", step.number, step.name, time_text(*status.until),
                            took_text(std::chrono::duration_cast<Milliseconds>(*status.until - now)));
    }
    if (options_.live) return draw();
    if (now - last_line_ < quiet_limit) return;
    for (const auto& [key, is] : running_) line(running_line(key.first, key.second, is, now));
  }
  void notice(const std::string& text) override { line(text); }
  void question(bool open) override {
    if (open) clear();
    questions_ += open ? 1 : -1;
  }
  void finish(const Finish& finish, const RunState& state) override {
    running_.clear();
    last_output_.clear();
    line(finish_text(plan_, options_.run, finish, state, std::chrono::system_clock::now()), false);
  }
  void dry_run(const std::vector<DryRun::StepPreview>& previews) override {
    agents_.clear();
    line(dry_run_text(plan_, previews), false);
  }

 private:
  struct Running {
    std::string verb;
    Time begun{};
    std::uint64_t done = 0, total = 0;
  };

  void run_record(const Record& record) {
    if (record.kind != RecordKind::rollback_begun) return;
    phase_ = -1;
    line(fmt::format("\n<-  Taking back: {}", std::string(record.data.at("why").as_string())));
  }

  void phase_title(int index) {
    const int phase = plan_.steps[static_cast<std::size_t>(index)].phase;
    if (phase == phase_) return;
    phase_ = phase;
    const Phase& is = plan_.phases[static_cast<std::size_t>(phase)];
    line(fmt::format("\n{:>2}  {}", is.number, is.name));
  }

  void forget(int index, const std::string& host) {
    std::erase_if(running_, [&](const auto& item) {
      return item.first.first == index && (item.first.second == host || !has_seat(index, item.first.second));
    });
  }
  bool has_seat(int index, const std::string& host) const {
    const auto& seats = plan_.steps[static_cast<std::size_t>(index)].seats;
    return std::any_of(seats.begin(), seats.end(), [&](const Seat& seat) { return seat.host == host; });
  }

  static std::string done_line(const Step& step, const StepStatus& status, Time now) {
    const bool unchanged =
        std::all_of(status.seats.begin(), status.seats.end(), [](const auto& seat) { return seat.unchanged; });
    const std::string summary = change_text(status, "summary");
    std::string text = fmt::format("    {:<5} {:<7} {:<56} {}", step.number, unchanged ? "as is" : "done", step.name,
                                   hosts_text(step));
    if (!summary.empty()) text += "  " + printable(summary);
    if (status.begun) {
      const auto took = std::chrono::duration_cast<Milliseconds>(now - *status.begun);
      if (took >= Milliseconds(1000)) text += "  " + took_text(took);
    }
    return text;
  }

  std::string running_line(int index, const std::string& host, const Running& is, Time now) const {
    const Step& step = plan_.steps[static_cast<std::size_t>(index)];
    const auto took = std::chrono::duration_cast<Milliseconds>(now - is.begun);
    std::string text = fmt::format("    {:<5} {:<7} {:<40} {}  {}", step.number, is.verb, step.name.substr(0, 40), host,
                                   took_text(took));
    if (is.done > 0) {
      text += "  " + size_text(is.done);
      if (is.total > 0) text += " of " + size_text(is.total);
      if (took.count() > 500)
        text += fmt::format(", {}/s", size_text(is.done * 1000 / static_cast<std::uint64_t>(took.count())));
    }
    return text;
  }

  void line(const std::string& text, bool newline = true) {
    clear();
    options_.write(text + (newline ? "\n" : ""));
    last_line_ = std::chrono::system_clock::now();
    drawn_.clear();
    draw();
  }

  void clear() {
    if (drawn_.empty()) return;
    const auto lines = std::count(drawn_.begin(), drawn_.end(), '\n');
    options_.write(fmt::format("\r\x1b[{}A\x1b[J", lines));
    drawn_.clear();
  }

  void draw() {
    if (!options_.live || questions_ > 0) return;
    const Time now = std::chrono::system_clock::now();
    std::string picture;
    const auto add = [&](std::string text) {
      const auto most = static_cast<std::size_t>(std::max(20, options_.width - 1));
      picture += (text.size() > most ? text.substr(0, most) : text) + "\n";
    };
    for (const auto& [host, what] : agents_) add(fmt::format("  {:<10} {}", host, what));
    for (const auto& [key, is] : running_) add(running_line(key.first, key.second, is, now));
    if (!waits_.empty()) add(waits_);
    if (!running_.empty() && !last_output_.empty()) add("          " + last_output_);
    if (downtime_ && !running_.empty()) add(fmt::format("          down for {}", took_text(*downtime_)));
    if (picture == drawn_) return;
    clear();
    options_.write(picture);
    drawn_ = picture;
  }

  const Plan& plan_;
  ReportOptions options_;
  std::map<std::string, std::string> agents_;
  std::map<std::pair<int, std::string>, Running> running_;
  std::string last_output_;
  std::string drawn_;
  std::optional<Milliseconds> downtime_;
  int phase_ = -1;
  int questions_ = 0;
  std::string waits_;  // what is waited for, as a line of the live picture; elsewhere a wait says once until when
  Time last_line_ = std::chrono::system_clock::now();
};

}  // namespace

std::unique_ptr<Report> make_text_report(const Plan& plan, ReportOptions options) {
  return std::make_unique<TextReport>(plan, std::move(options));
}

}  // namespace migrate
