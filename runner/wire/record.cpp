#include "runner/wire/record.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace migrate {
namespace {

constexpr std::array<std::pair<RecordKind, std::string_view>, 19> kinds{{
    {RecordKind::run_started, "run_started"},
    {RecordKind::run_resumed, "run_resumed"},
    {RecordKind::probed, "probed"},
    {RecordKind::unchanged, "unchanged"},
    {RecordKind::applying, "applying"},
    {RecordKind::applied, "applied"},
    {RecordKind::verified, "verified"},
    {RecordKind::failed, "failed"},
    {RecordKind::unknown, "unknown"},
    {RecordKind::undoing, "undoing"},
    {RecordKind::undone, "undone"},
    {RecordKind::undo_failed, "undo_failed"},
    {RecordKind::skipped, "skipped"},
    {RecordKind::waiting, "waiting"},
    {RecordKind::answered, "answered"},
    {RecordKind::rollback_begun, "rollback_begun"},
    {RecordKind::rollback_ended, "rollback_ended"},
    {RecordKind::paused, "paused"},
    {RecordKind::run_finished, "run_finished"},
}};

}  // namespace

std::string_view to_text(RecordKind kind) {
  for (const auto& [known, text] : kinds)
    if (known == kind) return text;
  throw std::logic_error(fmt::format("record kind {} has no name", static_cast<int>(kind)));
}

RecordKind record_kind_from_text(std::string_view text) {
  for (const auto& [kind, known] : kinds)
    if (known == text) return kind;
  throw std::runtime_error(fmt::format(
      "the journal holds a record of kind \"{}\", which this program does not know: a newer version wrote it", text));
}

std::int64_t milliseconds_since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace migrate
