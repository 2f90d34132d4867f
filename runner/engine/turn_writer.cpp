#include "runner/engine/turn_writer.h"

#include "steps/catalogue.h"

#include <boost/json/array.hpp>

namespace migrate {

void TurnWriter::record(RecordKind kind, boost::json::object data) {
  Record record{.time = now_, .kind = kind, .data = std::move(data)};
  state_.fold(record);
  turn_.records.push_back(std::move(record));
}

void TurnWriter::record(RecordKind kind, int step, const Seat& seat, boost::json::object data) {
  Record record{.time = now_,
                .kind = kind,
                .step = plan_.steps[static_cast<std::size_t>(step)].number,
                .host = seat.host,
                .role = seat.role,
                .data = std::move(data)};
  state_.fold(record);
  turn_.records.push_back(std::move(record));
}

Job TurnWriter::job(int step, const std::string& step_name, const ActionCall& call, const Seat& seat, Verb verb,
                    int attempt) const {
  Job job;
  job.run = run_;
  job.step = step_name;
  job.host = seat.host;
  job.role = seat.role;
  job.verb = verb;
  job.attempt = attempt;
  job.action = call.action;
  job.params = call.params;
  job.timeout = plan_.steps[static_cast<std::size_t>(step)].timeout;
  // `via:` may name a host of the plan: what connects must know its address
  if (auto* via = job.params.if_contains("via"); via && via->is_string()) {
    if (auto host = plan_.hosts.find(std::string(via->as_string())); host != plan_.hosts.end())
      *via = host->second.address;
  }
  return job;
}

boost::json::object failure_data(Verb verb, const Outcome& outcome) {
  boost::json::object data{{"verb", to_text(verb)}, {"error", outcome.error}};
  if (!outcome.command.empty()) data["command"] = outcome.command;
  if (outcome.exit_code != 0) data["exit_code"] = outcome.exit_code;
  return data;
}

boost::json::object to_json(const Change& change) {
  boost::json::array details;
  for (const std::string& line : change.details) details.emplace_back(line);
  boost::json::object object{{"mark", std::string(1, change.mark)}, {"summary", change.summary}, {"details", details}};
  if (!change.undo.empty()) object["undo"] = change.undo;
  if (change.bytes) object["bytes"] = *change.bytes;
  if (change.rows) object["rows"] = *change.rows;
  return object;
}

Change predict(const ActionCall& call, const std::string& role, const State& state) {
  return make_action(call.action, call.params, role)->plan(state);
}

}  // namespace migrate
