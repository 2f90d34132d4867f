// The person at the terminal: what is shown to them, and what they are asked.
#pragma once

#include "runner/cli/arguments.h"
#include "runner/controller.h"
#include "runner/report/report.h"

#include <memory>
#include <string>

namespace migrate {

bool can_ask();  // standard input and output are a terminal

/// A report to standard output that fits the flags and the terminal.
std::unique_ptr<Report> make_report(const Plan& plan, const std::string& run, const Arguments& arguments);

/// Answers for check-lists, failures and --step: by --yes, by the person, or (nobody there) by pausing.
Ask make_ask(const Arguments& arguments);

/// A question to be answered by typing `word`; false without a terminal.
bool confirm(const std::string& question, const std::string& word);

}  // namespace migrate
