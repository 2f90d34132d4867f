// Builds a Value from a parser's events, and holds the bounds while it grows.
#pragma once

#include "plans/diagnostics.h"
#include "plans/value.h"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace migrate {

/// A document that cannot be used at all.
struct YamlFault : std::runtime_error {
  YamlFault(Position position, const std::string& message, std::string what_to_do = {})
      : std::runtime_error(message), at(position), hint(std::move(what_to_do)) {}
  Position at;
  std::string hint;
};

/// Events in document order; `anchor` is 0 for a value without one. Throws YamlFault.
class ValueBuilder {
 public:
  explicit ValueBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void null(Position at, std::size_t anchor);
  void scalar(Position at, std::size_t anchor, std::string text, bool is_quoted);
  void begin(Position at, std::size_t anchor, Value::Kind kind);
  void end();
  void alias(Position at, std::size_t anchor);

  Value take() { return std::move(root_); }

 private:
  struct Frame {
    Value value;
    std::size_t anchor = 0;
    bool has_key = false;  // map: the next event is the value of `key`
    bool drop = false;     // map: that value is not kept (a duplicate, `<<`)
    std::string key;
    Position key_at;
    std::unordered_map<std::string, Position> keys = {};
  };
  struct Weight {
    std::size_t nodes = 0, bytes = 0, depth = 0;
  };

  static Weight weigh(const Value& value);
  bool expects_key() const;
  void take_key(Position at, std::string text, bool is_quoted);
  void charge(Position at, std::size_t nodes, std::size_t bytes);
  void place(Value value, std::size_t anchor);

  Diagnostics& diagnostics_;
  std::vector<Frame> open_;
  std::unordered_map<std::size_t, Value> anchored_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t faults_ = 0;
  Value root_;
};

}  // namespace migrate
