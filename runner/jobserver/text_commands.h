// The text protocol: a line in, its answer out. Formats are gearmand's to the byte, line ends included ("\n" after
// lists and values, "\r\n" after the rest); docs/protocol.md lists them, and what is ours alone.
#pragma once

#include "runner/jobserver/queue.h"

#include <string>
#include <string_view>

namespace migrate {

struct TextCaller {
  bool may_shut_down = false;      // comes over the Unix socket, which is its owner's alone
  std::string log_level = "INFO";  // answers `verbose`
};

struct TextAnswer {
  std::string text;
  bool closes = false;  // the connection, after the text
  enum class Shutdown { no, at_once, graceful } shutdown = Shutdown::no;
};

/// Packets that a command causes (cancelled jobs) go into `turn`.
TextAnswer answer_text(Queue& queue, std::string_view line, const TextCaller& caller, Turn& turn);

}  // namespace migrate
