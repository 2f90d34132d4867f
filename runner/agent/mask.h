// Secrets do not leave a host as text.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace migrate {

/// Replaces secrets by "****".
class Mask {
 public:
  /// The lines of a value with several are masked singly too, since output travels line by line.
  explicit Mask(const std::vector<std::string>& secrets);
  std::string operator()(std::string text) const;
  /// Every string in `value`; the names of members stay.
  void apply_to(boost::json::value& value) const;

 private:
  std::vector<std::string> values_;  // longest first: one may hold another
};

}  // namespace migrate
