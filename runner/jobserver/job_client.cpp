#include "runner/jobserver/job_client.h"

#include "runner/jobserver/session.h"
#include "runner/wire/packet.h"
#include "steps/failure.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <charconv>
#include <deque>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace migrate {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

namespace {

constexpr std::size_t most_body = 64u << 20;                                  // of what the server may send
constexpr std::size_t most_unsent = std::numeric_limits<std::size_t>::max();  // what we submit is ours to bound

using SharedHandlers = std::shared_ptr<JobClient::Handlers>;
using EndKind = JobClient::End::Kind;

StreamSocket connected_socket(asio::io_context& io, const std::string& path) {
  Local::socket socket(io);
  boost::system::error_code error;
  try {
    socket.connect(Local::endpoint(path), error);
  } catch (const boost::system::system_error& too_long) {
    error = too_long.code();
  }
  if (error) throw Failure(fmt::format("cannot reach the job server at {}: {}", path, error.message()));
  return StreamSocket(std::move(socket));
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The last field of "FUNCTION\tjobs\trunning\tworkers", when it is of `function`.
std::size_t workers_in(std::string_view row, std::string_view function) {
  if (!row.starts_with(function) || row.substr(function.size(), 1) != "\t") return 0;
  return number_of(row.substr(row.rfind('\t') + 1));
}

}  // namespace

class JobClient::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, const std::string& path);

  void start();
  void submit(std::vector<std::string> args, SharedHandlers handlers);
  void workers_of(std::string function, std::function<void(std::size_t)> callback);
  void forget();
  asio::io_context& io() { return io_; }

 private:
  struct Question {
    std::string function;
    std::function<void(std::size_t)> callback;
    std::size_t workers = 0;
  };

  void send(std::string_view bytes);
  void readable();
  void take_items();
  void take_packet(const Packet& packet);
  void take_created(const std::string& handle);
  void take_refusal(const Packet& packet);
  void take_work(const Packet& packet);
  void take_line(const std::string& line);
  void end_job(const std::string& handle, EndKind kind, const std::string& data);
  void lose(const std::string& why);

  asio::io_context& io_;
  Session::Events events_;
  std::shared_ptr<Session> session_;
  bool over_ = false;       // the connection is
  bool forgotten_ = false;  // the client is: no handler may be called
  std::string why_over_;
  std::deque<SharedHandlers> submitted_;  // in the order of their JOB_CREATED
  // By handle. Several where submissions share a unique id.
  std::unordered_map<std::string, std::vector<SharedHandlers>> jobs_;
  std::deque<Question> questions_;
};

JobClient::Connection::Connection(asio::io_context& io, const std::string& path) : io_(io) {
  events_.readable = [this](Session&) { readable(); };
  events_.gone = [this](Session& session) { lose("the connection to the job server has ended: " + session.why()); };
  session_ = std::make_shared<Session>(0, connected_socket(io, path), events_, most_body, most_unsent);
}

void JobClient::Connection::start() {
  send(encode_request(PacketType::option_req, {"exceptions"}));
  session_->start();
}

void JobClient::Connection::submit(std::vector<std::string> args, SharedHandlers handlers) {
  if (over_) {
    asio::post(io_, [self = shared_from_this(), handlers] {
      if (!self->forgotten_ && handlers->on_end) handlers->on_end({EndKind::lost, self->why_over_});
    });
    return;
  }
  const std::string bytes = encode_request(PacketType::submit_job, std::move(args));
  submitted_.push_back(std::move(handlers));
  send(bytes);
}

void JobClient::Connection::workers_of(std::string function, std::function<void(std::size_t)> callback) {
  if (over_) {
    asio::post(io_, [self = shared_from_this(), callback = std::move(callback)] {
      if (!self->forgotten_) callback(0);
    });
    return;
  }
  questions_.push_back({std::move(function), std::move(callback)});
  send("status\n");
}

/// Written at once: nobody waits for more to come.
void JobClient::Connection::send(std::string_view bytes) {
  session_->write(bytes);
  session_->flush();
}

void JobClient::Connection::readable() {
  try {
    take_items();
  } catch (const PacketError& broken) {
    lose(fmt::format("the job server sends what cannot be read: {}", broken.what()));
  }
}

void JobClient::Connection::take_items() {
  while (!over_) {
    const std::optional<PacketReader::Item> item = session_->reader().next();
    if (!item) return;
    if (item->packet)
      take_packet(*item->packet);
    else
      take_line(item->line->text);
  }
}

void JobClient::Connection::take_packet(const Packet& packet) {
  switch (packet.type) {
    case PacketType::job_created:
      return take_created(packet.args[0]);
    case PacketType::error:
      return take_refusal(packet);
    case PacketType::work_data:
    case PacketType::work_warning:
    case PacketType::work_status:
      return take_work(packet);
    case PacketType::work_complete:
      return end_job(packet.args[0], EndKind::complete, packet.args[1]);
    case PacketType::work_fail:
      return end_job(packet.args[0], EndKind::fail, "");
    case PacketType::work_exception:
      return end_job(packet.args[0], EndKind::exception, packet.args[1]);
    default:
      return;  // OPTION_RES
  }
}

void JobClient::Connection::take_created(const std::string& handle) {
  if (submitted_.empty()) return lose("the job server has announced a job that nobody submitted");
  const SharedHandlers handlers = std::move(submitted_.front());
  submitted_.pop_front();
  jobs_[handle].push_back(handlers);
  if (handlers->on_created) handlers->on_created();
}

/// Of what we send, a server may refuse submissions, and the option: that one it answers before any of them.
void JobClient::Connection::take_refusal(const Packet& packet) {
  if (submitted_.empty() || packet.args[0] == "UNKNOWN_OPTION") return;
  const SharedHandlers handlers = std::move(submitted_.front());
  submitted_.pop_front();
  if (handlers->on_end) handlers->on_end({EndKind::refused, fmt::format("{}: {}", packet.args[0], packet.args[1])});
}

void JobClient::Connection::take_work(const Packet& packet) {
  const auto found = jobs_.find(packet.args[0]);
  if (found == jobs_.end()) return;
  const std::vector<SharedHandlers> all = found->second;  // a handler may submit, which changes the map
  for (const SharedHandlers& handlers : all) {
    if (packet.type != PacketType::work_status && handlers->on_data) handlers->on_data(packet.args[1]);
    if (packet.type == PacketType::work_status && handlers->on_status)
      handlers->on_status(number_of(packet.args[1]), number_of(packet.args[2]));
    if (forgotten_) return;
  }
}

void JobClient::Connection::end_job(const std::string& handle, EndKind kind, const std::string& data) {
  const auto found = jobs_.find(handle);
  if (found == jobs_.end()) return;
  const std::vector<SharedHandlers> all = std::move(found->second);
  jobs_.erase(found);
  for (const SharedHandlers& handlers : all) {
    if (!forgotten_ && handlers->on_end) handlers->on_end({kind, data});
  }
}

void JobClient::Connection::take_line(const std::string& line) {
  if (questions_.empty()) return;
  Question& question = questions_.front();
  if (line != ".") {
    question.workers += workers_in(line, question.function);
    return;
  }
  const Question answered = std::move(question);
  questions_.pop_front();
  answered.callback(answered.workers);
}

void JobClient::Connection::lose(const std::string& why) {
  if (std::exchange(over_, true)) return;
  why_over_ = why;
  session_->abandon();
  std::vector<SharedHandlers> all(submitted_.begin(), submitted_.end());
  for (const auto& [handle, some] : jobs_) all.insert(all.end(), some.begin(), some.end());
  submitted_.clear();
  jobs_.clear();
  for (const Question& question : std::exchange(questions_, {}))
    if (!forgotten_) question.callback(0);
  for (const SharedHandlers& handlers : all)
    if (!forgotten_ && handlers->on_end) handlers->on_end({EndKind::lost, why});
}

void JobClient::Connection::forget() {
  over_ = forgotten_ = true;
  session_->abandon();
  submitted_.clear();
  jobs_.clear();
  questions_.clear();
}

JobClient::JobClient(asio::io_context& io, const std::string& unix_socket_path)
    : connection_(std::make_shared<Connection>(io, unix_socket_path)) {
  connection_->start();
}

// One of the connection's own handlers may be the caller: it goes when that has returned.
JobClient::~JobClient() {
  connection_->forget();
  asio::post(connection_->io(), [connection = connection_] {});
}

void JobClient::submit(std::string function, std::string unique, std::string payload, Handlers handlers) {
  connection_->submit({std::move(function), std::move(unique), std::move(payload)},
                      std::make_shared<Handlers>(std::move(handlers)));
}

void JobClient::workers_of(std::string function, std::function<void(std::size_t)> callback) {
  connection_->workers_of(std::move(function), std::move(callback));
}

}  // namespace migrate
