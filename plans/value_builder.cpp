#include "plans/value_builder.h"

#include "plans/excerpt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace migrate {
namespace {

constexpr std::size_t most_nodes = 200'000;
constexpr std::size_t most_bytes = 16u << 20;  // of scalars, aliases counted as what they stand for
constexpr std::size_t most_levels = 100;
constexpr std::size_t most_faults = 500;

}  // namespace

bool ValueBuilder::expects_key() const {
  return !open_.empty() && open_.back().value.is_map() && !open_.back().has_key;
}

void ValueBuilder::charge(Position at, std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > most_nodes || bytes_ > most_bytes)
    throw YamlFault(
        at,
        fmt::format("the plan is too large: more than {} values, aliases counted as what they stand for", most_nodes));
}

ValueBuilder::Weight ValueBuilder::weigh(const Value& value) {
  Weight weight{1, value.text.size(), 1};
  auto add = [&](const Value& part) {
    Weight inner = weigh(part);
    weight.nodes += inner.nodes;
    weight.bytes += inner.bytes;
    weight.depth = std::max(weight.depth, inner.depth + 1);
  };
  for (const Value& item : value.items) add(item);
  for (const Value::Entry& entry : value.entries) {
    add(entry.value);
    weight.bytes += entry.key.size();
  }
  return weight;
}

void ValueBuilder::null(Position at, std::size_t anchor) {
  if (expects_key()) throw YamlFault(at, "a key is missing here", "write a name before the \":\"");
  charge(at, 1, 0);
  Value value;
  value.at = open_.empty() || !open_.back().has_key ? at : open_.back().key_at;
  place(std::move(value), anchor);
}

void ValueBuilder::scalar(Position at, std::size_t anchor, std::string text, bool is_quoted) {
  if (text.find('\0') != std::string::npos)
    throw YamlFault(at, "this text has a NUL character in it", "a plan holds no NUL characters");
  if (expects_key()) return take_key(at, std::move(text), is_quoted);
  charge(at, 1, text.size());
  Value value;
  value.kind = Value::Kind::scalar;
  value.at = at;
  value.text = std::move(text);
  value.quoted = is_quoted;
  place(std::move(value), anchor);
}

void ValueBuilder::take_key(Position at, std::string text, bool is_quoted) {
  charge(at, 1, text.size());
  Frame& frame = open_.back();
  int length = static_cast<int>(std::min<std::size_t>(text.size() + (is_quoted ? 2 : 0), 1000));
  auto [first, is_new] = frame.keys.emplace(text, at);
  bool is_merge = text == "<<" && !is_quoted;
  if (is_merge) {
    diagnostics_.error(at, "\"<<\" (merging maps) is not part of the plan language", "write the keys out", length);
  } else if (!is_new) {
    diagnostics_.error(at, fmt::format("duplicate key {}", in_quotes(text)),
                       fmt::format("it stands in line {} already", first->second.line), length);
  }
  frame.drop = is_merge || !is_new;
  if (frame.drop && ++faults_ > most_faults) throw YamlFault(at, "too many errors: the rest is not read");
  frame.has_key = true;
  frame.key = std::move(text);
  frame.key_at = at;
}

void ValueBuilder::begin(Position at, std::size_t anchor, Value::Kind kind) {
  if (expects_key()) throw YamlFault(at, "a key is a text, not " + std::string(kind_name(kind)));
  if (open_.size() >= most_levels) throw YamlFault(at, fmt::format("nested more than {} levels deep", most_levels));
  charge(at, 1, 0);
  Frame frame;
  frame.value.kind = kind;
  frame.value.at = at;
  frame.anchor = anchor;
  open_.push_back(std::move(frame));
}

void ValueBuilder::end() {
  Frame done = std::move(open_.back());
  open_.pop_back();
  place(std::move(done.value), done.anchor);
}

void ValueBuilder::alias(Position at, std::size_t anchor) {
  if (expects_key()) throw YamlFault(at, "an alias cannot be a key", "write the key out");
  auto found = anchored_.find(anchor);
  if (found == anchored_.end())
    throw YamlFault(at, "this alias stands inside of what it names", "a value cannot hold itself");
  Weight weight = weigh(found->second);
  if (open_.size() + weight.depth > most_levels)
    throw YamlFault(at, fmt::format("nested more than {} levels deep", most_levels));
  charge(at, weight.nodes, weight.bytes);
  place(found->second, 0);
}

void ValueBuilder::place(Value value, std::size_t anchor) {
  if (anchor != 0) {
    Weight weight = weigh(value);  // the copy costs as much as an alias, or nested anchors would be a bomb of their own
    charge(value.at, weight.nodes, weight.bytes);
    anchored_.insert_or_assign(anchor, value);
  }
  if (open_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = open_.back();
  if (frame.value.is_list()) {
    frame.value.items.push_back(std::move(value));
    return;
  }
  if (!frame.drop) frame.value.entries.push_back({std::move(frame.key), frame.key_at, std::move(value)});
  frame.has_key = false;
}

}  // namespace migrate
