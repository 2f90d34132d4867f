#include "plans/find_action.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {
namespace {

bool is_in(const std::vector<std::string_view>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

class Search {
 public:
  Search(Draft& draft, const Value& map, const ActionNeighbours& neighbours)
      : draft_(draft), map_(map), neighbours_(neighbours) {}

  FoundAction result() {
    for (const Value::Entry& entry : map_.entries) sort(entry);
    for (const Value::Entry* entry : unknown_) tell_unknown(*entry);
    if (found_.size() > 1) tell_several();
    if (!found_.empty()) return found_.front();
    if (!told_)
      draft_.error(map_.at, fmt::format("{} has exactly one action, and this one has none", neighbours_.what),
                   "such as \"run:\" or \"file.write:\"");
    return {};
  }

 private:
  void sort(const Value::Entry& entry) {
    if (is_in(neighbours_.modifiers, entry.key)) return;
    const ActionSchema* schema = draft_.actions.find(entry.key);
    if (schema || is_in(neighbours_.containers, entry.key)) {
      found_.push_back({&entry, schema});
    } else if (is_in(neighbours_.not_yet, entry.key)) {
      draft_.error_at_key(entry, fmt::format("{} is not yet supported", in_quotes(entry.key)));
    } else if (is_in(draft_.actions.not_yet, entry.key) || entry.key.starts_with("worker.")) {
      draft_.error_at_key(entry, fmt::format("the action {} is not yet supported", in_quotes(entry.key)));
      told_ = true;
    } else {
      unknown_.push_back(&entry);
    }
  }

  void tell_unknown(const Value::Entry& entry) {
    std::vector<std::string_view> actions = draft_.actions.not_yet;
    for (const ActionSchema& schema : draft_.actions.actions) actions.push_back(schema.name);
    std::vector<std::string_view> keys = neighbours_.modifiers;
    keys.insert(keys.end(), neighbours_.containers.begin(), neighbours_.containers.end());
    std::string_view action = closest(entry.key, actions), key = closest(entry.key, keys);
    bool meant_action = found_.empty() && !told_ && (key.empty() || !action.empty());
    std::string hint = meant_action ? did_you_mean(entry.key, actions) : did_you_mean(entry.key, keys);
    if (hint.empty() && !meant_action) hint = fmt::format("{} has: {}", neighbours_.what, fmt::join(keys, ", "));
    draft_.error_at_key(entry, fmt::format("unknown {} {}", meant_action ? "action" : "key", in_quotes(entry.key)),
                        hint);
    told_ = told_ || meant_action;
  }

  void tell_several() {
    auto gate = std::ranges::find_if(found_, [](const FoundAction& each) { return each.entry->key == "approve"; });
    if (gate != found_.end() && found_.size() == 2) {
      draft_.error_at_key(*gate->entry, "\"approve\" beside an action is not yet supported",
                          "make it a step of its own");
      found_.erase(gate);
      return;
    }
    for (std::size_t index = 1; index < found_.size(); ++index)
      draft_.error_at_key(*found_[index].entry,
                          fmt::format("{} has one action, and {} is here already", neighbours_.what,
                                      in_quotes(found_.front().entry->key)),
                          "make it a step of its own");
  }

  Draft& draft_;
  const Value& map_;
  const ActionNeighbours& neighbours_;
  std::vector<FoundAction> found_;
  std::vector<const Value::Entry*> unknown_;
  bool told_ = false;  // why there is no action
};

}  // namespace

FoundAction find_action(Draft& draft, const Value& map, const ActionNeighbours& neighbours) {
  return Search(draft, map, neighbours).result();
}

}  // namespace migrate
