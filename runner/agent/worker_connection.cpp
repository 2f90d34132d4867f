#include "runner/agent/worker_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace migrate {

WorkerConnection::WorkerConnection(boost::asio::io_context& loop, int in_fd, int out_fd, Events events)
    : events_(std::move(events)), in_(loop, in_fd), out_(loop, out_fd) {}

void WorkerConnection::start() { read_more(); }

void WorkerConnection::send(std::string_view bytes) {
  if (!open_) return;
  waiting_ += bytes;
  write_more();
}

void WorkerConnection::close() {
  open_ = false;
  waiting_.clear();
  boost::system::error_code ignored;
  in_.close(ignored);
  out_.close(ignored);
}

void WorkerConnection::read_more() {
  in_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& error, std::size_t size) {
    if (error == boost::asio::error::operation_aborted || !open_) return;
    if (error) return end(error == boost::asio::error::eof ? "" : error.message());
    take({buffer_.data(), size});
    if (open_) read_more();
  });
}

void WorkerConnection::take(std::string_view bytes) {
  try {
    reader_.feed(bytes);
    while (const auto item = reader_.next()) {
      if (item->line) throw PacketError("a line of text where a packet belongs: " + item->line->text);
      events_.packet(*item->packet);
      if (!open_) return;
    }
  } catch (const PacketError& error) {
    end(error.what());
  }
}

void WorkerConnection::write_more() {
  if (writing_ || waiting_.empty() || !open_) return;
  writing_ = true;
  leaving_.swap(waiting_);
  boost::asio::async_write(out_, boost::asio::buffer(leaving_),
                           [this](const boost::system::error_code& error, std::size_t) {
                             writing_ = false;
                             leaving_.clear();
                             if (error == boost::asio::error::operation_aborted || !open_) return;
                             if (error) return end(error.message());
                             write_more();
                             if (unsent() == 0) events_.drained();
                           });
}

void WorkerConnection::end(const std::string& why) {
  if (!open_) return;
  close();
  events_.ended(why);
}

}  // namespace migrate
