// What cron.* and hosts.add have in common: a text file in which some lines are changed, and taken back to the byte.
#pragma once

#include "steps/action.h"

#include <functional>
#include <string>
#include <string_view>

namespace migrate {

class FileEdit : public Action {
 public:
  /// `path` must be a file, not a symlink. A file that isn't there yet is opaque to plan() (an earlier step may bring
  /// it) and a Failure to apply().
  explicit FileEdit(std::string path);

  State probe(System& system) const override;
  Change plan(const State& state) const override;
  boost::json::object apply(System& system, const State& before) const override;
  void verify(System& system, const State& before, const boost::json::object& outputs) const override;
  /// The file as before, mtime included. When somebody else has edited it since, only our lines are taken back.
  void undo(System& system, const State& before) const override;

 protected:
  /// The text as it shall be; the same text when there is nothing to do.
  virtual std::string edited(const std::string& text) const = 0;
  /// `text`, which somebody else has changed since, without our change.
  virtual std::string taken_back(const std::string& text, const std::string& before) const = 0;
  /// For Change::summary and Change::undo.
  virtual std::string summary(const std::string& text) const = 0;
  virtual std::string undo_summary() const = 0;

 private:
  std::string path_;
};

/// The text with every line passed through `change`, which sees it without its newline.
std::string with_lines(std::string_view text, const std::function<std::string(std::string_view)>& change);

}  // namespace migrate
