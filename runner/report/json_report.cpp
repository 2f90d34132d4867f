#include "runner/engine/turn_writer.h"
#include "runner/report/report.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace migrate {
namespace {

/// One JSON object a line. Fields are only ever added; `event` says what a line is.
class JsonReport : public Report {
 public:
  JsonReport(const Plan& plan, ReportOptions options) : plan_(plan), options_(std::move(options)) {}

  void agents_begin(const std::vector<std::string>& hosts) override {
    boost::json::array list;
    for (const auto& host : hosts) list.emplace_back(host);
    line({{"event", "reaching"}, {"hosts", list}});
  }
  void agent(const std::string& host, const std::string& what) override {
    line({{"event", "agent"}, {"host", host}, {"text", what}});
  }
  void begin(const RunState& state, const std::vector<int>& steps) override {
    line({{"event", "begin"},
          {"plan", plan_.name},
          {"steps", steps.empty() ? state.size() : static_cast<int>(steps.size())},
          {"direction", steps.empty() ? "forward" : "back"}});
  }
  void job(const Job& job) override {
    line({{"event", "job"},
          {"step", job.step},
          {"host", job.host},
          {"verb", to_text(job.verb)},
          {"attempt", job.attempt}});
  }
  void record(const Record& record, const RunState&) override {
    boost::json::object object{{"event", to_text(record.kind)}, {"time", milliseconds_since_1970(record.time)}};
    if (!record.step.empty()) object["step"] = record.step;
    if (!record.host.empty()) object["host"] = record.host;
    if (!record.role.empty()) object["role"] = record.role;
    boost::json::object data = record.data;
    data.erase("before");  // may be large: `migrate log` and the journal have it
    object["data"] = std::move(data);
    line(std::move(object));
  }
  void output(const std::string& step, const std::string& host, const std::string& text) override {
    line({{"event", "output"}, {"step", step}, {"host", host}, {"text", text}});
  }
  void progress(const std::string& step, const std::string& host, std::uint64_t done, std::uint64_t total) override {
    line({{"event", "progress"}, {"step", step}, {"host", host}, {"bytes", done}, {"of", total}});
  }
  void tick(Time, const RunState&) override {}
  void notice(const std::string& text) override { line({{"event", "notice"}, {"text", text}}); }
  void question(bool) override {}
  void finish(const Finish& finish, const RunState& state) override {
    boost::json::object object{{"event", "finish"}, {"exit", finish.exit}, {"why", finish.why}};
    if (auto down = state.downtime(std::chrono::system_clock::now())) object["downtime_ms"] = down->count();
    line(std::move(object));
  }
  void dry_run(const std::vector<DryRun::StepPreview>& previews) override {
    int opaque = 0;
    for (const auto& preview : previews) {
      const Step& step = plan_.steps[static_cast<std::size_t>(preview.step)];
      boost::json::array seats;
      for (const auto& seat : preview.seats) {
        boost::json::object object{{"host", seat.seat.host}, {"role", seat.seat.role}};
        if (seat.error.empty()) object["change"] = to_json(seat.change);
        if (!seat.error.empty()) object["error"] = seat.error;
        seats.emplace_back(std::move(object));
      }
      opaque += preview.opaque() ? 1 : 0;
      line({{"event", "predicted"},
            {"step", step.number},
            {"name", step.name},
            {"action", step.call.action},
            {"opaque", preview.opaque()},
            {"seats", std::move(seats)}});
    }
    line({{"event", "finish"},
          {"exit", 0},
          {"predicted", static_cast<int>(previews.size()) - opaque},
          {"opaque", opaque}});
  }

 private:
  void line(boost::json::object object) {
    boost::json::object whole{{"run", options_.run}};
    for (auto& [key, value] : object) whole[key] = std::move(value);
    options_.write(boost::json::serialize(whole) + "\n");
  }

  const Plan& plan_;
  ReportOptions options_;
};

}  // namespace

std::unique_ptr<Report> make_json_report(const Plan& plan, ReportOptions options) {
  return std::make_unique<JsonReport>(plan, std::move(options));
}

}  // namespace migrate
