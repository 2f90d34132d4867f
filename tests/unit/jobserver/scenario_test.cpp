// Plays the stories in scenarios/*.txt against the pure Queue. One line a thing:
//   tries 2                          a setting, before all else
//   NAME > TYPE arg arg              NAME sends a packet; '' is an empty argument, \0 a NUL. A new NAME is a new
//   connection NAME < TYPE arg arg              NAME gets this next; an ERROR is compared by its code only NAME says
//   words                  a line of the text protocol NAME hears words                 its whole answer; \t \r \n as
//   in C NAME leaves                      its connection ends after 500 ms                     time passes, and the
//   queue's deadlines with it
// Before each thing that happens, all that was sent must have been expected.
#include "runner/jobserver/queue.h"
#include "runner/jobserver/text_commands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace migrate {
namespace {

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char code = text[++i];
    out += code == 't' ? '\t' : code == 'r' ? '\r' : code == 'n' ? '\n' : code == '0' ? '\0' : code;
  }
  return out;
}

std::string as_words(const Packet& packet) {
  std::string text(to_text(packet.type));
  const std::size_t shown = packet.type == PacketType::error ? 1 : packet.args.size();
  for (std::size_t i = 0; i < shown; ++i) text += " " + (packet.args[i].empty() ? "''" : packet.args[i]);
  return text;
}

class Stage {
 public:
  void play(const std::string& line) {
    std::istringstream words(line);
    std::string who, what;
    words >> who >> what;
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (what != "<" && what != "hears") expect_silence();
    if (who == "tries")
      options_.tries = std::stoi(what);
    else if (who == "after")
      pass_time(std::chrono::milliseconds(std::stoi(what)));
    else if (what == ">")
      take(queue().handle(connection(who), packet_of(rest), now_));
    else if (what == "<")
      EXPECT_EQ(next_for(who), unescaped(rest));
    else if (what == "says")
      say(connection(who), rest);
    else if (what == "hears")
      EXPECT_EQ(std::exchange(heard_, ""), unescaped(rest));
    else if (what == "leaves")
      take(queue().disconnected(connection(who), now_));
    else
      ADD_FAILURE() << "not a line of a scenario";
  }

  void expect_silence() {
    for (auto& [id, packets] : outbox_)
      for (const std::string& packet : std::exchange(packets, {}))
        ADD_FAILURE() << "unexpected, for " << name_of(id) << ": " << packet;
    EXPECT_EQ(heard_, "");
  }

 private:
  Queue& queue() {
    if (!queue_) queue_ = std::make_unique<Queue>(options_);
    return *queue_;
  }

  ConnectionId connection(const std::string& name) {
    if (!names_.contains(name)) {
      names_[name] = names_.size() + 1;
      queue().connected(names_[name], "127.0.0.1", 30 + static_cast<int>(names_[name]));
    }
    return names_[name];
  }

  std::string name_of(ConnectionId id) {
    for (const auto& [name, known] : names_)
      if (known == id) return name;
    return "somebody unknown";
  }

  static Packet packet_of(const std::string& text) {
    std::istringstream words(text);
    std::string name;
    words >> name;
    Packet packet;
    for (std::uint32_t number = 1; number <= 42; ++number)
      if (to_text(static_cast<PacketType>(number)) == name) packet.type = static_cast<PacketType>(number);
    for (std::string word; words >> word;) packet.args.push_back(word == "''" ? "" : unescaped(word));
    EXPECT_EQ(argument_count(packet.type), packet.args.size()) << "the scenario's own packet is wrong";
    return packet;
  }

  void say(ConnectionId id, const std::string& line) {
    Turn turn;
    TextCaller caller;
    const TextAnswer answer = answer_text(queue(), line, caller, turn);
    heard_ = answer.text + (answer.closes ? "<closed>" : "");
    take(std::move(turn));
    static_cast<void>(id);
  }

  void pass_time(std::chrono::milliseconds time) {
    const QueueTime until = now_ + time;
    while (queue().next_deadline() && *queue().next_deadline() <= until) {
      now_ = std::max(now_, *queue().next_deadline());
      take(queue().on_tick(now_));
    }
    now_ = until;
  }

  void take(Turn turn) {
    for (Turn::Send& send : turn.sends) {
      EXPECT_NO_THROW(encode(send.packet));
      outbox_[send.to].push_back(as_words(send.packet));
    }
  }

  std::string next_for(const std::string& name) {
    auto& packets = outbox_[connection(name)];
    if (packets.empty()) return "nothing";
    const std::string first = packets.front();
    packets.pop_front();
    return first;
  }

  QueueOptions options_{.handle_prefix = "H:t"};
  std::unique_ptr<Queue> queue_;
  QueueTime now_{std::chrono::hours(1)};
  std::map<std::string, ConnectionId> names_;
  std::map<ConnectionId, std::deque<std::string>> outbox_;
  std::string heard_;
};

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_SOURCE_DIR "/unit/jobserver/scenarios"))
    names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class QueueScenario : public testing::TestWithParam<std::string> {};

TEST_P(QueueScenario, EndsAsItIsTold) {
  std::ifstream file(TEST_SOURCE_DIR "/unit/jobserver/scenarios/" + GetParam() + ".txt");
  ASSERT_TRUE(file);
  auto stage = std::make_unique<Stage>();
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    SCOPED_TRACE(GetParam() + ".txt:" + std::to_string(number) + ": " + line);
    if (line.starts_with("---")) {  // another scene, on an empty stage
      stage->expect_silence();
      stage = std::make_unique<Stage>();
    } else if (!line.empty() && line[0] != '#') {
      stage->play(line);
    }
  }
  stage->expect_silence();
}

INSTANTIATE_TEST_SUITE_P(Queue, QueueScenario, testing::ValuesIn(scenario_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace migrate
