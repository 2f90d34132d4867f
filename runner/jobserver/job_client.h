// The engine's side of the protocol: submits foreground jobs to a job server over its Unix socket and hears how they
// go. Callbacks on the caller's io_context, in its one thread.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace migrate {

class JobClient {
 public:
  struct End {
    enum class Kind {
      complete,
      fail,       // WORK_FAIL: no reason given. Also: the worker vanished and no try is left
      exception,  // WORK_EXCEPTION: data is the reason
      refused,    // the server would not take the job: data is its ERROR
      lost,       // the connection to the server has ended: the job may be running, or done. data says why
    };
    Kind kind = Kind::complete;
    std::string data;
  };
  /// Any of them may be empty. They may submit, and may destroy the client.
  struct Handlers {
    std::function<void()> on_created;               // the server has it
    std::function<void(std::string_view)> on_data;  // WORK_DATA, WORK_WARNING
    std::function<void(std::uint64_t done, std::uint64_t total)> on_status;
    std::function<void(End)> on_end;  // once, the last
  };

  /// Connects at once. Throws Failure: nobody listens there.
  JobClient(boost::asio::io_context& io, const std::string& unix_socket_path);
  /// No handler is called any more; jobs that wait are dropped by the server, jobs that run come to their end.
  ~JobClient();
  JobClient(const JobClient&) = delete;
  JobClient& operator=(const JobClient&) = delete;

  /// Never calls a handler before it returns.
  void submit(std::string function, std::string unique, std::string payload, Handlers handlers);

  /// How many workers are registered for `function` now (`status` of the text protocol); 0 also when the connection
  /// ends.
  void workers_of(std::string function, std::function<void(std::size_t)> callback);

 private:
  class Connection;
  std::shared_ptr<Connection> connection_;
};

}  // namespace migrate
