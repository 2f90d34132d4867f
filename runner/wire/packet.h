// The packets of the Gearman protocol: written once, for the job server, the engine's client and the agent.
// Pure: bytes in, packets out. Source: the protocol as gearmand 1.1.20 speaks it (docs/protocol.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace migrate {

enum class PacketType : std::uint32_t {
  can_do = 1,
  cant_do = 2,
  reset_abilities = 3,
  pre_sleep = 4,
  noop = 6,
  submit_job = 7,
  job_created = 8,
  grab_job = 9,
  no_job = 10,
  job_assign = 11,
  work_status = 12,
  work_complete = 13,
  work_fail = 14,
  get_status = 15,
  echo_req = 16,
  echo_res = 17,
  submit_job_bg = 18,
  error = 19,
  status_res = 20,
  submit_job_high = 21,
  set_client_id = 22,
  can_do_timeout = 23,
  all_yours = 24,
  work_exception = 25,
  option_req = 26,
  option_res = 27,
  work_data = 28,
  work_warning = 29,
  grab_job_uniq = 30,
  job_assign_uniq = 31,
  submit_job_high_bg = 32,
  submit_job_low = 33,
  submit_job_low_bg = 34,
  submit_job_sched = 35,
  submit_job_epoch = 36,
  submit_reduce_job = 37,
  submit_reduce_job_background = 38,
  grab_job_all = 39,
  job_assign_all = 40,
  get_status_unique = 41,
  status_res_unique = 42,
};

struct Packet {
  enum class Magic { request, response };
  Magic magic = Magic::request;
  PacketType type = PacketType::noop;
  std::vector<std::string> args;  // the last one may hold NULs where the type has a data part

  /// The last argument: the payload of types that have one.
  const std::string& data() const { return args.back(); }
};

/// Number of arguments of a type (the last may be data), or nullopt for a type that nobody knows.
std::optional<std::size_t> argument_count(PacketType type);
/// The protocol's name of a type ("SUBMIT_JOB"); "unknown" for one that nobody knows.
std::string_view to_text(PacketType type);

/// Header and body. The arguments must be as many as the type has, and only data may hold a NUL: anything else is a
/// mistake of ours and throws std::invalid_argument.
std::string encode(const Packet& packet);
std::string encode_request(PacketType type, std::vector<std::string> args = {});
std::string encode_response(PacketType type, std::vector<std::string> args = {});

/// A stream that isn't Gearman's: wrong magic, unknown type, too few arguments, too large. Says what and where.
class PacketError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  PacketError(std::string code, const std::string& text) : std::runtime_error(text), code_(std::move(code)) {}

  /// The code of the ERROR packet that tells the peer: INVALID_MAGIC, INVALID_COMMAND, INVALID_PACKET,
  /// ARGUMENT_TOO_LARGE.
  const std::string& code() const { return code_; }

 private:
  std::string code_ = "INVALID_PACKET";
};

/// Takes bytes as they arrive, in any pieces, and gives packets. Also tells text commands apart: a first byte that is
/// not NUL begins a line up to "\n", of at most 8 KiB. A body is refused by its header, before any of it is kept. The
/// work is linear in the bytes, however they are cut.
class PacketReader {
 public:
  explicit PacketReader(std::size_t max_body = 64u << 20);

  void feed(std::string_view bytes);
  struct TextLine {
    std::string text;  // without "\n" and a "\r" before it
  };
  struct Item {
    std::optional<Packet> packet;
    std::optional<TextLine> line;
  };
  /// The next whole packet or line, or nullopt when more bytes are needed. Throws PacketError; the stream is unusable
  /// then.
  std::optional<Item> next();

 private:
  std::optional<Item> next_packet();
  std::optional<Item> next_line();
  std::string_view unread() const { return std::string_view(buffer_).substr(at_); }
  void consume(std::size_t bytes);

  std::size_t max_body_;
  std::string buffer_;
  std::size_t at_ = 0;       // where the unread bytes begin
  std::size_t scanned_ = 0;  // unread bytes that are known to hold no end of line
};

}  // namespace migrate
