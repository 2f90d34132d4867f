#include "runner/ssh/ssh_agent.h"

#include "runner/ssh/agent_script.h"
#include "runner/ssh/agent_upload.h"
#include "runner/ssh/byte_pump.h"
#include "runner/ssh/ssh_connection.h"
#include "runner/ssh/ssh_sentences.h"
#include "steps/failure.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

namespace migrate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_noise = 64 * 1024;
constexpr auto greeting_timeout = 30s;

class ServerSocket {
 public:
  explicit ServerSocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool fits = path.size() < sizeof address.sun_path;
    if (fits) std::memcpy(address.sun_path, path.data(), path.size());
    const int result = fits ? ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) : -1;
    if (result == 0) return;
    const int error = fits ? errno : ENAMETOOLONG;
    ::close(fd_);
    throw Failure(fmt::format("Cannot connect to our own job server at {}: {}.", path, std::strerror(error)));
  }
  ~ServerSocket() { ::close(fd_); }
  ServerSocket(const ServerSocket&) = delete;
  ServerSocket& operator=(const ServerSocket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// What the first command on the host answered.
struct Answer {
  enum class Kind { greeting, missing, no_sudo, sudo_refused, none };
  Kind kind = Kind::none;
  std::string detail;   // missing: the host's architecture
  std::size_t end = 0;  // where the next bytes begin
};

Answer answer_in(std::string_view line, std::size_t end) {
  if (line == greeting_line) return {Answer::Kind::greeting, "", end};
  if (line == no_sudo_line) return {Answer::Kind::no_sudo, "", end};
  if (line == sudo_refused_line) return {Answer::Kind::sudo_refused, "", end};
  if (line.substr(0, missing_line.size()) == missing_line) {
    return {Answer::Kind::missing, std::string(line.substr(missing_line.size())), end};
  }
  return {};
}

// Passes over the lines that a shell's start-up files may print.
Answer find_answer(std::string_view output) {
  std::size_t begin = 0;
  for (auto end = output.find('\n'); end != std::string_view::npos; begin = end + 1, end = output.find('\n', begin)) {
    auto answer = answer_in(output.substr(begin, end - begin), end + 1);
    if (answer.kind != Answer::Kind::none) return answer;
  }
  return {};
}

RemoteEnd how_it_ended(const SshConnection& connection, const SshCommand& command, const std::string& output) {
  return {connection.label(), connection.user(), command.exit_status(), command.errors(), output};
}

// After the end of its output a command's last words and its exit code may still be under way.
void wait_closed(SshConnection& connection, SshCommand& command) {
  std::string rest;
  const auto deadline = std::chrono::steady_clock::now() + 2s;
  for (;;) {
    command.receive(rest, most_noise);
    if (command.closed() || connection.interrupted() || std::chrono::steady_clock::now() > deadline) break;
    connection.wait(200ms);
    rest.clear();
  }
}

// Reads until the command has answered, and takes the answer and what came before it away from `output`.
Answer wait_answer(SshConnection& connection, SshCommand& command, std::string& output) {
  const auto deadline = std::chrono::steady_clock::now() + greeting_timeout;
  while (!connection.interrupted()) {
    command.receive(output, most_noise);
    auto answer = find_answer(output);
    if (answer.kind != Answer::Kind::none) {
      output.erase(0, answer.end);
      return answer;
    }
    if (command.output_ended()) break;
    if (output.size() >= most_noise || std::chrono::steady_clock::now() > deadline) {
      throw Failure(
          fmt::format("{} did not greet as an agent within {} s. Does a start-up file of {}'s shell wait for "
                      "something, or print much?",
                      connection.label(), greeting_timeout.count(), connection.user()));
    }
    connection.wait(1000ms);
  }
  wait_closed(connection, command);
  return {};
}

std::string our_architecture() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "";
}

std::string config_for(const SshAgentOptions& options) {
  if (!options.ssh_config.empty()) return options.ssh_config;
  const char* named = std::getenv("MIGRATE_SSH_CONFIG");
  return named == nullptr ? "" : named;
}

SshTarget target_of(const SshAgentOptions& options) {
  const auto& host = options.host;
  return {host.name, host.address.empty() ? host.name : host.address, host.user, host.port, config_for(options)};
}

AgentScript script_of(const SshAgentOptions& options) {
  return {options.host.name, "agent-" + options.bundle_digest.substr(0, 12), options.state_folder,
          options.host.become == "root"};
}

}  // namespace

struct SshAgent::Session {
  Session(SshAgentOptions given, Callbacks called)
      : options(std::move(given)), callbacks(std::move(called)), thread([this] { run(); }) {}
  ~Session() {
    interrupt.raise();
    thread.join();
  }

  // The thread's rim: every failure becomes the one call of `ended`.
  void run() {
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);  // libssh writes to sockets that may be gone
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    std::string why;
    try {
      why = bring_up_and_carry();
    } catch (const std::exception& error) {
      why = error.what();
    }
    if (!interrupt.raised() && callbacks.ended) callbacks.ended(why);
  }

  std::string bring_up_and_carry() {
    SshConnection connection(target_of(options), interrupt);
    const auto script = script_of(options);
    std::optional<SshCommand> agent;
    std::string from_agent;
    for (bool uploaded = false;; uploaded = true) {
      agent.emplace(connection, start_command(script));
      const auto answer = wait_answer(connection, *agent, from_agent);
      if (interrupt.raised()) return "";
      if (answer.kind == Answer::Kind::greeting) break;
      if (answer.kind != Answer::Kind::missing || uploaded) refuse(answer, connection, *agent, from_agent);
      if (answer.detail != our_architecture()) {
        throw Failure(wrong_architecture(connection.label(), answer.detail, our_architecture()));
      }
      agent.reset();
      from_agent.clear();
      upload_agent(connection, script, options.bundle, callbacks.progress);
      if (interrupt.raised()) return "";
    }
    return carry(connection, *agent, std::move(from_agent));
  }

  [[noreturn]] void refuse(const Answer& answer, SshConnection& connection, SshCommand& command,
                           const std::string& output) {
    if (answer.kind == Answer::Kind::no_sudo) throw Failure(sudo_missing(connection.label(), connection.user()));
    if (answer.kind == Answer::Kind::sudo_refused) {
      wait_closed(connection, command);
      throw Failure(sudo_refused(connection.label(), connection.user(), command.errors()));
    }
    throw Failure(agent_did_not_start(how_it_ended(connection, command, output)));
  }

  std::string carry(SshConnection& connection, SshCommand& agent, std::string from_agent) {
    const ServerSocket server(options.server_socket);
    if (callbacks.ready) callbacks.ready();
    switch (pump_bytes(connection, agent, server.fd(), std::move(from_agent))) {
      case PumpEnd::interrupted:
        return "";
      case PumpEnd::server_closed:
        return fmt::format("The job server has closed the connection of the agent on {}.", connection.label());
      case PumpEnd::agent_closed:
        break;
    }
    wait_closed(connection, agent);
    return agent_ended(how_it_ended(connection, agent, ""));
  }

  SshAgentOptions options;
  Callbacks callbacks;
  Interrupt interrupt;
  std::thread thread;  // last: it uses the others
};

SshAgent::SshAgent(SshAgentOptions options, Callbacks callbacks)
    : session_(std::make_unique<Session>(std::move(options), std::move(callbacks))) {}

SshAgent::~SshAgent() = default;

}  // namespace migrate
