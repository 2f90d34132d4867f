#include "runner/wire/packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace migrate {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t longest_line = 8 * 1024;
constexpr std::size_t kept_capacity = 64 * 1024;  // a larger buffer is given back when it runs empty
constexpr std::string_view request_magic{"\0REQ", 4};
constexpr std::string_view response_magic{"\0RES", 4};

struct TypeRow {
  std::string_view name;  // empty: nobody knows this number
  std::size_t arguments = 0;
  bool has_data = false;  // the last argument may hold NULs
};

// By number, as docs/protocol.md lists them. Number 5 is reserved: servers answer it with an ERROR and stay.
constexpr std::array<TypeRow, 43> types{{
    {},
    {"CAN_DO", 1, false},
    {"CANT_DO", 1, false},
    {"RESET_ABILITIES", 0, false},
    {"PRE_SLEEP", 0, false},
    {"RESERVED", 0, false},
    {"NOOP", 0, false},
    {"SUBMIT_JOB", 3, true},
    {"JOB_CREATED", 1, false},
    {"GRAB_JOB", 0, false},
    {"NO_JOB", 0, false},
    {"JOB_ASSIGN", 3, true},
    {"WORK_STATUS", 3, false},
    {"WORK_COMPLETE", 2, true},
    {"WORK_FAIL", 1, false},
    {"GET_STATUS", 1, false},
    {"ECHO_REQ", 1, true},
    {"ECHO_RES", 1, true},
    {"SUBMIT_JOB_BG", 3, true},
    {"ERROR", 2, false},
    {"STATUS_RES", 5, false},
    {"SUBMIT_JOB_HIGH", 3, true},
    {"SET_CLIENT_ID", 1, false},
    {"CAN_DO_TIMEOUT", 2, false},
    {"ALL_YOURS", 0, false},
    {"WORK_EXCEPTION", 2, true},
    {"OPTION_REQ", 1, false},
    {"OPTION_RES", 1, false},
    {"WORK_DATA", 2, true},
    {"WORK_WARNING", 2, true},
    {"GRAB_JOB_UNIQ", 0, false},
    {"JOB_ASSIGN_UNIQ", 4, true},
    {"SUBMIT_JOB_HIGH_BG", 3, true},
    {"SUBMIT_JOB_LOW", 3, true},
    {"SUBMIT_JOB_LOW_BG", 3, true},
    {"SUBMIT_JOB_SCHED", 8, true},
    {"SUBMIT_JOB_EPOCH", 4, true},
    {"SUBMIT_REDUCE_JOB", 5, true},  // func, unique, reducer, flag, data: one more than the published text says
    {"SUBMIT_REDUCE_JOB_BACKGROUND", 5, true},
    {"GRAB_JOB_ALL", 0, false},
    {"JOB_ASSIGN_ALL", 5, true},
    {"GET_STATUS_UNIQUE", 1, false},
    {"STATUS_RES_UNIQUE", 6, false},
}};

const TypeRow* row_of(PacketType type) {
  const auto number = static_cast<std::uint32_t>(type);
  return number < types.size() && !types[number].name.empty() ? &types[number] : nullptr;
}

void append_big_endian(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((number >> shift) & 0xffu);
}

std::uint32_t read_big_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(0, 4)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

/// The last argument of a type without data. Some peers end it with a NUL of its own.
std::string plain_argument(std::string_view bytes, const TypeRow& row) {
  if (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  if (bytes.find('\0') != std::string_view::npos)
    throw PacketError("INVALID_PACKET",
                      fmt::format("a {} packet has more than its {} arguments", row.name, row.arguments));
  return std::string(bytes);
}

std::vector<std::string> split_arguments(std::string_view body, const TypeRow& row) {
  std::vector<std::string> args;
  if (row.arguments == 0) return args;  // gearmand ignores what follows such a header, so do we
  args.reserve(row.arguments);
  while (args.size() + 1 < row.arguments) {
    const std::size_t end = body.find('\0');
    if (end == std::string_view::npos)
      throw PacketError("INVALID_PACKET", fmt::format("a {} packet has {} of its {} arguments", row.name,
                                                      args.size() + 1, row.arguments));
    args.emplace_back(body.substr(0, end));
    body.remove_prefix(end + 1);
  }
  args.push_back(row.has_data ? std::string(body) : plain_argument(body, row));
  return args;
}

void check_magic(std::string_view unread) {
  const std::string_view start = unread.substr(0, request_magic.size());
  if (request_magic.starts_with(start) || response_magic.starts_with(start)) return;
  throw PacketError("INVALID_MAGIC", "a packet begins with neither \\0REQ nor \\0RES");
}

}  // namespace

std::optional<std::size_t> argument_count(PacketType type) {
  const TypeRow* row = row_of(type);
  if (!row) return std::nullopt;
  return row->arguments;
}

std::string_view to_text(PacketType type) {
  const TypeRow* row = row_of(type);
  return row ? row->name : "unknown";
}

std::string encode(const Packet& packet) {
  const TypeRow* row = row_of(packet.type);
  if (!row || packet.args.size() != row->arguments)
    throw std::invalid_argument(
        fmt::format("a {} packet cannot have {} arguments", to_text(packet.type), packet.args.size()));
  std::size_t body = packet.args.empty() ? 0 : packet.args.size() - 1;
  for (const std::string& arg : packet.args) body += arg.size();
  if (body > UINT32_MAX)
    throw std::invalid_argument(fmt::format("a {} packet of {} bytes is too large", row->name, body));
  std::string out;
  out.reserve(header_size + body);
  out += packet.magic == Packet::Magic::request ? request_magic : response_magic;
  append_big_endian(out, static_cast<std::uint32_t>(packet.type));
  append_big_endian(out, static_cast<std::uint32_t>(body));
  for (std::size_t i = 0; i < packet.args.size(); ++i) {
    const bool is_data = row->has_data && i + 1 == packet.args.size();
    if (!is_data && packet.args[i].find('\0') != std::string::npos)
      throw std::invalid_argument(fmt::format("argument {} of a {} packet holds a NUL", i + 1, row->name));
    if (i > 0) out += '\0';
    out += packet.args[i];
  }
  return out;
}

std::string encode_request(PacketType type, std::vector<std::string> args) {
  return encode(Packet{Packet::Magic::request, type, std::move(args)});
}

std::string encode_response(PacketType type, std::vector<std::string> args) {
  return encode(Packet{Packet::Magic::response, type, std::move(args)});
}

PacketReader::PacketReader(std::size_t max_body) : max_body_(max_body) {}

void PacketReader::feed(std::string_view bytes) {
  // Moved only when at most as much is left as was read since the last move: each byte is moved a bounded number of
  // times.
  if (at_ > 0 && buffer_.size() - at_ <= at_) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_ += bytes;
}

void PacketReader::consume(std::size_t bytes) {
  at_ += bytes;
  scanned_ = 0;
  if (at_ < buffer_.size()) return;
  at_ = 0;
  if (buffer_.capacity() > kept_capacity)
    std::string().swap(buffer_);
  else
    buffer_.clear();
}

std::optional<PacketReader::Item> PacketReader::next() {
  if (at_ == buffer_.size()) return std::nullopt;
  return buffer_[at_] == '\0' ? next_packet() : next_line();
}

std::optional<PacketReader::Item> PacketReader::next_packet() {
  const std::string_view bytes = unread();
  check_magic(bytes);
  if (bytes.size() < header_size) return std::nullopt;
  const auto type = static_cast<PacketType>(read_big_endian(bytes.substr(4)));
  const std::size_t size = read_big_endian(bytes.substr(8));
  const TypeRow* row = row_of(type);
  if (!row)
    throw PacketError("INVALID_COMMAND", fmt::format("there is no packet type {}", static_cast<std::uint32_t>(type)));
  if (size > max_body_)
    throw PacketError("ARGUMENT_TOO_LARGE", fmt::format("a {} packet of {} bytes is larger than the limit of {}",
                                                        row->name, size, max_body_));
  if (bytes.size() - header_size < size) return std::nullopt;
  Packet packet;
  packet.magic = bytes[3] == 'Q' ? Packet::Magic::request : Packet::Magic::response;
  packet.type = type;
  packet.args = split_arguments(bytes.substr(header_size, size), *row);
  consume(header_size + size);
  return Item{std::move(packet), std::nullopt};
}

std::optional<PacketReader::Item> PacketReader::next_line() {
  const std::string_view bytes = unread();
  const std::size_t end = bytes.find('\n', scanned_);
  if (std::min(end, bytes.size()) > longest_line)
    throw PacketError("ARGUMENT_TOO_LARGE", fmt::format("a line of text is longer than {} bytes", longest_line));
  if (end == std::string_view::npos) {
    scanned_ = bytes.size();
    return std::nullopt;
  }
  std::string_view text = bytes.substr(0, end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  Item item{std::nullopt, TextLine{std::string(text)}};
  consume(end + 1);
  return item;
}

}  // namespace migrate
