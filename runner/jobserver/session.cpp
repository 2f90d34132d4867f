#include "runner/jobserver/session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <utility>

namespace migrate {
namespace {

constexpr std::size_t kept_capacity = 64 * 1024;  // a larger buffer is given back when it runs empty

bool try_again(const boost::system::error_code& error) {
  return error == boost::asio::error::would_block || error == boost::asio::error::try_again ||
         error == boost::asio::error::interrupted;
}

}  // namespace

Session::Session(std::uint64_t id, StreamSocket socket, const Events& events, std::size_t most_body,
                 std::size_t most_unsent)
    : id_(id),
      socket_(std::move(socket)),
      events_(&events),
      reader_(most_body),
      most_unsent_(most_unsent),
      descriptor_(socket_.native_handle()),
      address_(peer_address(socket_)) {
  prepare(socket_);
}

void Session::start() { wait_readable(); }

// Waiting for readability instead of reading into a buffer of its own: a connection that is idle costs none.
void Session::wait_readable() {
  socket_.async_wait(StreamSocket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->is_open()) self->read();
  });
}

void Session::read() {
  static thread_local std::array<char, 64 * 1024> scratch;
  boost::system::error_code error;
  const std::size_t size = socket_.read_some(boost::asio::buffer(scratch), error);
  if (error && !try_again(error)) {
    why_ = error == boost::asio::error::eof ? "the peer has closed the connection" : error.message();
    flush();
    return close();
  }
  if (size > 0) {
    reader_.feed({scratch.data(), size});
    events_->readable(*this);
  }
  if (is_open()) wait_readable();
}

bool Session::write(std::string_view bytes) {
  if (!is_open() || deaf_) return true;
  if (unsent_.size() - sent_ > most_unsent_) return false;
  unsent_ += bytes;
  return true;
}

void Session::flush() {
  boost::system::error_code error;
  while (open_ && !waits_writable_ && sent_ < unsent_.size()) {
    sent_ += socket_.write_some(boost::asio::buffer(unsent_.data() + sent_, unsent_.size() - sent_), error);
    if (error && try_again(error)) return wait_writable();
    if (!error) continue;
    // Not closed here: its last result may lie unread, and reading finds the end by itself.
    deaf_ = true;
    sent_ = unsent_.size();
  }
  if (!open_ || sent_ < unsent_.size()) return;
  sent_ = 0;
  if (unsent_.capacity() > kept_capacity)
    std::string().swap(unsent_);
  else
    unsent_.clear();
  if (closing_) close();
}

void Session::wait_writable() {
  // What was written is dropped once it is the larger part, so that the buffer does not grow for ever.
  if (sent_ > unsent_.size() / 2) unsent_.erase(0, std::exchange(sent_, 0));
  waits_writable_ = true;
  socket_.async_wait(StreamSocket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_writable_ = false;
    if (!error) self->flush();
  });
}

void Session::close_after_flush() {
  closing_ = true;
  flush();
}

void Session::close() {
  if (!std::exchange(open_, false)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->events_) self->events_->gone(*self);
  });
}

void Session::abandon() {
  events_ = nullptr;
  open_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace migrate
