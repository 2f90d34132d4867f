#include "runner/jobserver/serve.h"

#include "runner/jobserver/server.h"
#include "steps/failure.h"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <csignal>

namespace migrate {
namespace {

void listen(JobServer& server, const std::string& address) {
  if (address.find('/') != std::string::npos) {
    server.listen_unix(address);
    spdlog::info("listening on {}", address);
    return;
  }
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    host.clear();  // an IPv6 address without brackets: which colon is it?
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  const auto parsed = colon == std::string::npos ? std::from_chars_result{end, std::errc::invalid_argument}
                                                 : std::from_chars(address.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || host.empty())
    throw Failure(
        fmt::format("cannot listen on \"{}\": give HOST:PORT, [V6]:PORT or the path of a Unix socket, as in "
                    "127.0.0.1:4730",
                    address));
  const std::uint16_t actual = server.listen_tcp(host, port);
  spdlog::info("listening on {} port {}", host, actual);
}

}  // namespace

int serve(const std::vector<std::string>& addresses) {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()));
  if (addresses.empty()) throw Failure("the job server needs an address to listen on, as in --listen 127.0.0.1:4730");
  boost::asio::io_context io(1);
  JobServerOptions options;
  options.on_shutdown = [&io] { io.stop(); };
  JobServer server(io, std::move(options));
  for (const std::string& address : addresses) listen(server, address);
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&io](const boost::system::error_code&, int signal) {
    spdlog::info("ending on signal {}", signal);
    io.stop();
  });
  io.run();
  return 0;
}

}  // namespace migrate
