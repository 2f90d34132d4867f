#include "runner/jobserver/server.h"

#include "runner/jobserver/listener.h"
#include "runner/jobserver/printable.h"
#include "runner/jobserver/session.h"
#include "runner/jobserver/text_commands.h"
#include "steps/failure.h"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace migrate {

namespace asio = boost::asio;

namespace {

QueueTime now() { return std::chrono::steady_clock::now(); }

QueueOptions with_host_name(QueueOptions options) {
  boost::system::error_code ignored;
  if (options.handle_prefix.empty() || options.handle_prefix == QueueOptions().handle_prefix)
    options.handle_prefix = "H:" + asio::ip::host_name(ignored);
  return options;
}

std::string log_level() {
  const auto name = spdlog::level::to_string_view(spdlog::default_logger()->level());
  return boost::algorithm::to_upper_copy(std::string(name.data(), name.size()));
}

std::vector<asio::ip::address> addresses_of(asio::io_context& io, const std::string& host) {
  if (host == "localhost") return {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(io);
  std::vector<asio::ip::address> addresses;
  for (const auto& entry : resolver.resolve(host, "0", asio::ip::resolver_base::numeric_service, error))
    addresses.push_back(entry.endpoint().address());
  if (error || addresses.empty()) throw Failure(fmt::format("cannot listen on {}: {}", host, error.message()));
  return addresses;
}

}  // namespace

/// Lives as long as a handler that may call it; the server's end empties it.
class JobServer::Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(asio::io_context& io, JobServerOptions options)
      : io_(io), options_(std::move(options)), queue_(with_host_name(options_.queue)), timer_(io) {
    events_.readable = [this](Session& session) { readable(session); };
    events_.gone = [this](Session& session) { gone(session); };
  }

  void listen_unix(const std::string& path);
  std::uint16_t listen_tcp(const std::string& host, std::uint16_t port);
  void adopt(int descriptor, std::function<void()> gone);
  void stop();

 private:
  Listener::Accepted accepted();
  void readable(Session& session);
  void take_item(Session& session, PacketReader::Item item);
  void take_line(Session& session, const std::string& line);
  void refuse(Session& session, const PacketError& error);
  void gone(Session& session);
  void deliver(Turn turn);
  void write(Session& session, std::string_view bytes);
  void end_event();
  void arm_timer();
  void shut_down(TextAnswer::Shutdown how);

  asio::io_context& io_;
  JobServerOptions options_;
  Queue queue_;
  Session::Events events_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::unordered_map<ConnectionId, std::shared_ptr<Session>> sessions_;
  ConnectionId last_id_ = 0;
  std::unordered_map<ConnectionId, std::function<void()>> adopted_;  // whom to tell when it ends
  std::vector<std::shared_ptr<Session>> unflushed_;
  asio::steady_timer timer_;
  std::optional<QueueTime> armed_;
  bool ends_when_idle_ = false;
};

void JobServer::Loop::listen_unix(const std::string& path) {
  listeners_.push_back(Listener::on_unix_path(io_, path, accepted()));
}

std::uint16_t JobServer::Loop::listen_tcp(const std::string& host, std::uint16_t port) {
  const std::vector<asio::ip::address> addresses = addresses_of(io_, host);
  for (const asio::ip::address& address : addresses)
    if (!address.is_loopback())
      throw Failure(
          fmt::format("will not listen on {} ({}): whoever reaches that address could submit and take jobs. "
                      "TLS and identities come with a later version; listen on 127.0.0.1, ::1 or a Unix socket",
                      host, address.to_string()));
  bool any = false;
  for (const asio::ip::address& address : addresses) {
    try {
      listeners_.push_back(Listener::on_address(io_, address, port, accepted()));
      port = listeners_.back()->port();  // where port 0 was asked for, both families get the same one
      any = true;
    } catch (const Failure& failure) {
      // A machine without IPv6 still has a localhost.
      if (address == addresses.back() && !any) throw;
      spdlog::warn("{}", failure.what());
    }
  }
  return port;
}

Listener::Accepted JobServer::Loop::accepted() {
  return [this](StreamSocket socket) {
    auto session =
        std::make_shared<Session>(++last_id_, std::move(socket), events_, options_.most_body, options_.most_unsent);
    spdlog::debug("connection {} from {}", session->id(), session->address());
    queue_.connected(session->id(), session->address(), session->descriptor());
    sessions_[session->id()] = session;
    session->start();
  };
}

void JobServer::Loop::readable(Session& session) {
  try {
    while (session.is_open()) {
      std::optional<PacketReader::Item> item = session.reader().next();
      if (!item) break;
      take_item(session, std::move(*item));
    }
  } catch (const PacketError& error) {
    refuse(session, error);
  }
  end_event();
}

void JobServer::Loop::take_item(Session& session, PacketReader::Item item) {
  if (item.packet)
    deliver(queue_.handle(session.id(), std::move(*item.packet), now()));
  else
    take_line(session, item.line->text);
}

void JobServer::Loop::take_line(Session& session, const std::string& line) {
  Turn turn;
  const TextAnswer answer = answer_text(queue_, line, TextCaller{session.is_local(), log_level()}, turn);
  write(session, answer.text);
  deliver(std::move(turn));
  if (answer.shutdown != TextAnswer::Shutdown::no) shut_down(answer.shutdown);
  if (answer.closes) session.close_after_flush();
}

/// What follows a broken packet cannot be read: the peer is told, and hung up on.
void JobServer::Loop::refuse(Session& session, const PacketError& error) {
  spdlog::warn("connection {} from {} is closed: {}", session.id(), session.address(), escaped(error.what()));
  write(session, encode_response(PacketType::error, {error.code(), error.what()}));
  session.close_after_flush();
}

void JobServer::Loop::gone(Session& session) {
  spdlog::debug("connection {} from {} has ended", session.id(), session.address());
  const auto keep = session.shared_from_this();
  sessions_.erase(session.id());
  deliver(queue_.disconnected(session.id(), now()));
  if (auto owner = adopted_.extract(session.id())) asio::post(io_, std::move(owner.mapped()));
  end_event();
}

void JobServer::Loop::deliver(Turn turn) {
  for (const std::string& line : turn.log) spdlog::warn("{}", escaped(line));
  for (const Turn::Send& send : turn.sends) {
    const auto found = sessions_.find(send.to);
    if (found != sessions_.end()) write(*found->second, encode(send.packet));
  }
}

void JobServer::Loop::write(Session& session, std::string_view bytes) {
  if (bytes.empty()) return;
  if (!session.write(bytes)) {
    spdlog::warn("connection {} from {} is dropped: it does not read what it is sent, {} MiB wait", session.id(),
                 session.address(), options_.most_unsent >> 20);
    return session.close();
  }
  if (unflushed_.empty() || unflushed_.back().get() != &session) unflushed_.push_back(session.shared_from_this());
}

/// Once for all that one read caused: a packet each would cost a system call each.
void JobServer::Loop::end_event() {
  for (const auto& session : unflushed_) session->flush();
  unflushed_.clear();
  arm_timer();
  if (!ends_when_idle_) return;
  for (const auto& [number, job] : queue_.jobs())
    if (job->running()) return;
  ends_when_idle_ = false;
  if (options_.on_shutdown) asio::post(io_, options_.on_shutdown);
}

/// Set anew only for an earlier time: at most one needless tick, and no work per job.
void JobServer::Loop::arm_timer() {
  const std::optional<QueueTime> next = queue_.next_deadline();
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  timer_.expires_at(*next);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->armed_.reset();
    self->deliver(self->queue_.on_tick(now()));
    self->end_event();
  });
}

void JobServer::Loop::shut_down(TextAnswer::Shutdown how) {
  spdlog::info("shutdown was asked for over the Unix socket");
  for (const auto& listener : listeners_) listener->stop();
  listeners_.clear();
  if (how == TextAnswer::Shutdown::graceful)
    ends_when_idle_ = true;
  else if (options_.on_shutdown)
    asio::post(io_, options_.on_shutdown);
}

void JobServer::Loop::adopt(int descriptor, std::function<void()> gone) {
  StreamSocket socket(io_);
  socket.assign(asio::generic::stream_protocol(AF_UNIX, 0), descriptor);
  prepare(socket);
  adopted_[last_id_ + 1] = std::move(gone);
  accepted()(std::move(socket));
}

void JobServer::Loop::stop() {
  for (const auto& listener : listeners_) listener->stop();
  listeners_.clear();
  for (const auto& [id, session] : sessions_) session->abandon();
  sessions_.clear();
  boost::system::error_code ignored;
  timer_.cancel(ignored);
}

JobServer::JobServer(asio::io_context& io, JobServerOptions options)
    : loop_(std::make_shared<Loop>(io, std::move(options))) {}

JobServer::~JobServer() { loop_->stop(); }

void JobServer::adopt(int descriptor, std::function<void()> gone) { loop_->adopt(descriptor, std::move(gone)); }

void JobServer::listen_unix(const std::string& path) { loop_->listen_unix(path); }

std::uint16_t JobServer::listen_tcp(const std::string& host, std::uint16_t port) {
  return loop_->listen_tcp(host, port);
}

}  // namespace migrate
