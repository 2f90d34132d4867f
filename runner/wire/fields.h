// Reading a JSON object from the wire strictly: each field has the type that it must have, or the error names it.
// Fields that nobody asks for are ignored: a newer peer may send more.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace migrate {

class Fields {
 public:
  /// Parses `text`, which must hold one JSON object. `what` names it in errors ("a job").
  /// All methods throw std::runtime_error: "a job's field \"run\" is missing".
  Fields(std::string_view text, std::string what);
  Fields(boost::json::object object, std::string what);

  bool has(std::string_view name) const { return object_.contains(name); }
  std::string text(std::string_view name) const;
  std::string text_or(std::string_view name, std::string otherwise) const;
  std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most) const;
  std::int64_t number_or(std::string_view name, std::int64_t least, std::int64_t most, std::int64_t otherwise) const;
  bool flag_or(std::string_view name, bool otherwise) const;
  boost::json::object object(std::string_view name) const;
  boost::json::object object_or_empty(std::string_view name) const;
  std::vector<std::string> texts_or_empty(std::string_view name) const;

 private:
  const boost::json::value& field(std::string_view name) const;
  [[noreturn]] void wrong(std::string_view name, std::string_view why) const;

  boost::json::object object_;
  std::string what_;
};

}  // namespace migrate
