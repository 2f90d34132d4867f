#include "runner/wire/packet.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <tuple>

namespace migrate {
namespace {

/// tests/golden/wire/packets.txt: NAME, magic, arguments (\0 for a NUL, "" for an empty one), and the bytes in hex.
struct GoldenPacket {
  Packet packet;
  std::string bytes;
};

PacketType packet_type_named(const std::string& name) {
  for (std::uint32_t number = 1; number <= 42; ++number)
    if (to_text(static_cast<PacketType>(number)) == name) return static_cast<PacketType>(number);
  throw std::runtime_error("no packet type " + name);
}

std::string golden_argument(std::string text) {
  if (text == "\"\"") return "";
  for (std::size_t at = text.find("\\0"); at != std::string::npos; at = text.find("\\0"))
    text.replace(at, 2, std::string(1, '\0'));
  return text;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<GoldenPacket> golden_packets() {
  std::ifstream file(TEST_SOURCE_DIR "/golden/wire/packets.txt");
  std::vector<GoldenPacket> golden;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string magic, name, word;
    words >> magic >> name;
    GoldenPacket one;
    one.packet.magic = magic == "REQ" ? Packet::Magic::request : Packet::Magic::response;
    one.packet.type = packet_type_named(name);
    while (words >> word && word != "=") one.packet.args.push_back(golden_argument(word));
    words >> word;
    one.bytes = from_hex(word);
    golden.push_back(std::move(one));
  }
  return golden;
}

auto fields_of(const Packet& packet) { return std::tie(packet.magic, packet.type, packet.args); }

std::string reading_error(const std::string& bytes, std::size_t max_body = 1024) {
  PacketReader reader(max_body);
  reader.feed(bytes);
  try {
    while (reader.next()) continue;
  } catch (const PacketError& error) {
    return error.code() + ": " + error.what();
  }
  return "none";
}

std::string raw_packet(std::uint8_t type, const std::string& body) {
  return std::string("\0REQ\0\0\0", 7) + static_cast<char>(type) + std::string("\0\0\0", 3) +
         static_cast<char>(body.size()) + body;
}

TEST(Packet, IsEncodedAsTheGoldenBytes) {
  const auto golden = golden_packets();
  ASSERT_GT(golden.size(), 10u);
  for (const GoldenPacket& one : golden) EXPECT_EQ(encode(one.packet), one.bytes) << to_text(one.packet.type);
}

TEST(Packet, IsReadFromTheGoldenBytesInOnePieceAndByteByByte) {
  PacketReader whole, pieces;
  std::vector<Packet> from_pieces;
  const auto golden = golden_packets();
  for (const GoldenPacket& one : golden) {
    whole.feed(one.bytes);
    for (const char byte : one.bytes) {
      pieces.feed({&byte, 1});
      while (auto item = pieces.next()) from_pieces.push_back(*item->packet);
    }
  }
  ASSERT_EQ(from_pieces.size(), golden.size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const auto item = whole.next();
    ASSERT_TRUE(item && item->packet);
    EXPECT_EQ(fields_of(*item->packet), fields_of(golden[i].packet));
    EXPECT_EQ(fields_of(from_pieces[i]), fields_of(golden[i].packet));
  }
  EXPECT_FALSE(whole.next());
}

TEST(Packet, EncodingRefusesWhatTheTypeDoesNotHave) {
  EXPECT_THROW(encode_request(PacketType::can_do), std::invalid_argument);
  EXPECT_THROW(encode_request(PacketType::grab_job, {"x"}), std::invalid_argument);
  EXPECT_THROW(encode_request(PacketType::can_do, {std::string("a\0b", 3)}), std::invalid_argument);
  EXPECT_THROW(encode_request(static_cast<PacketType>(99)), std::invalid_argument);
}

TEST(PacketReader, TellsTextFromPacketsOnOneStream) {
  PacketReader reader;
  reader.feed("status\r\n" + encode_request(PacketType::grab_job) + "workers\n\nver");
  EXPECT_EQ(reader.next()->line->text, "status");
  EXPECT_EQ(reader.next()->packet->type, PacketType::grab_job);
  EXPECT_EQ(reader.next()->line->text, "workers");
  EXPECT_EQ(reader.next()->line->text, "");
  EXPECT_FALSE(reader.next());
  reader.feed("sion\n");
  EXPECT_EQ(reader.next()->line->text, "version");
}

TEST(PacketReader, TakesALineOfEightKibAndNotOneByteMore) {
  const std::string longest(8192, 'x');
  PacketReader reader;
  reader.feed(longest + "\n");
  EXPECT_EQ(reader.next()->line->text, longest);
  EXPECT_NE(reading_error(longest + "x\n").find("ARGUMENT_TOO_LARGE"), std::string::npos);
  EXPECT_NE(reading_error(longest + "x").find("ARGUMENT_TOO_LARGE"), std::string::npos);
}

TEST(PacketReader, RefusesWhatIsNotGearmanWithTheReason) {
  EXPECT_EQ(reading_error(std::string("\0FOO", 4)), "INVALID_MAGIC: a packet begins with neither \\0REQ nor \\0RES");
  EXPECT_EQ(reading_error(std::string("\0X", 2)), "INVALID_MAGIC: a packet begins with neither \\0REQ nor \\0RES");
  EXPECT_EQ(reading_error(raw_packet(0, "")), "INVALID_COMMAND: there is no packet type 0");
  EXPECT_EQ(reading_error(raw_packet(43, "")), "INVALID_COMMAND: there is no packet type 43");
  EXPECT_EQ(reading_error(raw_packet(7, "f")), "INVALID_PACKET: a SUBMIT_JOB packet has 1 of its 3 arguments");
  EXPECT_EQ(reading_error(raw_packet(14, std::string("a\0b", 3))),
            "INVALID_PACKET: a WORK_FAIL packet has more than its 1 arguments");
}

TEST(PacketReader, RefusesALargeBodyByItsHeaderAlone) {
  const std::string header("\0REQ\0\0\0\7\xff\xff\xff\xff", 12);
  EXPECT_EQ(reading_error(header),
            "ARGUMENT_TOO_LARGE: a SUBMIT_JOB packet of 4294967295 bytes is larger than the limit of 1024");
}

TEST(PacketReader, ForgivesANulAfterTheLastArgumentAndABodyThatNobodyAskedFor) {
  PacketReader reader;
  reader.feed(raw_packet(14, std::string("H:x:1\0", 6)) + raw_packet(9, "junk"));
  EXPECT_EQ(reader.next()->packet->args, std::vector<std::string>{"H:x:1"});
  EXPECT_TRUE(reader.next()->packet->args.empty());
}

TEST(PacketReader, IsLinearWhileABacklogOfSmallPacketsIsReadAsMoreArrive) {
  const std::string one = encode_request(PacketType::can_do, {"f"});
  constexpr std::size_t backlog = 300000;
  PacketReader reader;
  for (std::size_t i = 0; i < backlog; ++i) reader.feed(one);
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < backlog; ++i) {
    ASSERT_TRUE(reader.next());
    reader.feed(one);
  }
  // Moving the backlog for each packet would be 10^12 bytes, minutes; this is 20 ms.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace migrate
