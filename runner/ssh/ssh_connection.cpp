#include "runner/ssh/ssh_connection.h"

#include "runner/ssh/ssh_sentences.h"
#include "runner/ssh/tcp_connect.h"
#include "steps/failure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace migrate {
namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 10s;
constexpr auto ask_after = 15s;
constexpr auto dead_after = 45s;
constexpr std::chrono::milliseconds look_every = 5s;
constexpr std::size_t kept_errors = 4096;
constexpr std::size_t largest_write = 64 * 1024;

struct FreeText {
  void operator()(char* text) const { ::ssh_string_free_char(text); }
};

// "" where nothing is set.
std::string option(ssh_session session, ssh_options_e which) {
  char* value = nullptr;
  if (::ssh_options_get(session, which, &value) != SSH_OK) return "";
  return std::unique_ptr<char, FreeText>(value).get();
}

// libssh hands out only the first of the configured keys; the names of those that it tries stand in its log.
void note_tried_key(int, const char*, const char* message, void* tried) {
  constexpr std::string_view mark = "Trying to authenticate with ";
  const std::string_view text(message);
  const auto at = text.find(mark);
  if (tried != nullptr && at != std::string_view::npos) {
    static_cast<std::vector<std::string>*>(tried)->emplace_back(text.substr(at + mark.size()));
  }
}

// libssh's log goes to standard error unless it is told otherwise; both settings are per thread.
class TriedKeys {
 public:
  TriedKeys() {
    ::ssh_set_log_userdata(&names_);
    ::ssh_set_log_callback(note_tried_key);
    ::ssh_set_log_level(SSH_LOG_DEBUG);
  }
  ~TriedKeys() {
    ::ssh_set_log_level(SSH_LOG_NOLOG);
    ::ssh_set_log_userdata(nullptr);
  }
  TriedKeys(const TriedKeys&) = delete;
  TriedKeys& operator=(const TriedKeys&) = delete;

  std::string text() const {
    std::vector<std::string> there;
    for (const auto& name : names_) {
      if (::access(name.c_str(), F_OK) == 0) there.push_back(name);
    }
    const bool has_agent = ::getenv("SSH_AUTH_SOCK") != nullptr;
    if (there.empty()) return has_agent ? "only the ssh agent's keys were tried" : "there was no key to try";
    return fmt::format("tried {}{}", has_agent ? "the ssh agent's keys and " : "", fmt::join(there, ", "));
  }

 private:
  std::vector<std::string> names_;
};

std::string fingerprint(ssh_session session) {
  ssh_key key = nullptr;
  if (::ssh_get_server_publickey(session, &key) != SSH_OK) return "(none)";
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  std::string text = ::ssh_key_type_to_char(::ssh_key_type(key));
  if (::ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK) {
    const std::unique_ptr<char, FreeText> hex(::ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
    text += fmt::format(" {}", hex.get());
    ::ssh_clean_pubkey_hash(&hash);
  }
  ::ssh_key_free(key);
  return text;
}

}  // namespace

void SshConnection::Close::operator()(ssh_session_struct* session) const {
  ::ssh_disconnect(session);
  ::ssh_free(session);
}

void SshConnection::Close::operator()(ssh_event_struct* event) const { ::ssh_event_free(event); }

SshConnection::SshConnection(const SshTarget& target, Interrupt& interrupt)
    : interrupt_(interrupt), session_(::ssh_new()), label_(target.name) {
  if (!session_) throw Failure(fmt::format("Cannot connect to {}: out of memory.", target.name));
  ::ssh_set_log_level(SSH_LOG_NOLOG);
  Interrupt::Watch watch(interrupt_);
  read_config(target);
  connect(target, watch);
  check_host_key(target);
  authenticate();
  event_.reset(::ssh_event_new());
  ::ssh_event_add_session(event_.get(), session_.get());
  heard_ = asked_ = std::chrono::steady_clock::now();
}

SshConnection::~SshConnection() {
  if (event_) ::ssh_event_remove_session(event_.get(), session_.get());
}

void SshConnection::read_config(const SshTarget& target) {
  auto* s = session_.get();
  const int no = 0, yes = 1;
  const long seconds = connect_timeout.count();
  ::ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);  // only the files that we name, before what the plan says
  ::ssh_options_set(s, SSH_OPTIONS_HOST, target.address.c_str());
  ::ssh_options_set(s, SSH_OPTIONS_NODELAY, &yes);
  if (::ssh_options_parse_config(s, target.config.empty() ? nullptr : target.config.c_str()) != 0) {
    throw Failure(fmt::format("Cannot connect to {}: {} cannot be read.", target.name,
                              target.config.empty() ? "ssh_config" : target.config));
  }
  ::ssh_options_set(s, SSH_OPTIONS_TIMEOUT, &seconds);
  if (!target.user.empty()) ::ssh_options_set(s, SSH_OPTIONS_USER, target.user.c_str());
  if (target.port != 0) ::ssh_options_set(s, SSH_OPTIONS_PORT, &target.port);
  unsigned port = 22;
  ::ssh_options_get_port(s, &port);
  port_ = static_cast<int>(port);
  host_ = option(s, SSH_OPTIONS_HOST);
  user_ = option(s, SSH_OPTIONS_USER);
  const auto place = port_ == 22 ? host_ : fmt::format("{}:{}", host_, port_);
  if (place != target.name) label_ = fmt::format("{} ({})", target.name, place);
}

void SshConnection::connect(const SshTarget& target, Interrupt::Watch& watch) {
  auto* s = session_.get();
  auto proxy = option(s, SSH_OPTIONS_PROXYCOMMAND);
  if (proxy.empty()) {
    try {
      const int socket = connect_tcp(host_, port_, connect_timeout, interrupt_);
      ::ssh_options_set(s, SSH_OPTIONS_FD, &socket);
      watch.set(socket);
    } catch (const Failure& failure) {
      throw Failure(fmt::format("Cannot connect to {}: {}", label_, failure.what()));
    }
  } else if (proxy.rfind("ssh ", 0) == 0 && !target.config.empty()) {
    // ProxyJump becomes a call of ssh, which would look for the jump host in other files than these.
    proxy.insert(4, fmt::format("-F '{}' ", target.config));
    ::ssh_options_set(s, SSH_OPTIONS_PROXYCOMMAND, proxy.c_str());
  }
  if (::ssh_connect(s) != SSH_OK) {
    const std::string words = ::ssh_get_error(s);
    throw Failure(
        proxy.empty()
            ? fmt::format("Cannot connect to {}: {}. Is that an ssh server?", label_, words)
            : fmt::format("Cannot connect to {} through `{}`: {}. Run it by hand (%h is {}, %p is {}) to see what "
                          "it says.",
                          label_, proxy, words, host_, port_));
  }
  const int fd = ::ssh_get_fd(s);
  (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
  watch.set(fd);
}

void SshConnection::check_host_key(const SshTarget& target) const {
  auto* s = session_.get();
  const HostKeyFacts facts{label_, target.address, host_, port_, fingerprint(s), option(s, SSH_OPTIONS_KNOWNHOSTS)};
  switch (::ssh_session_is_known_server(s)) {
    case SSH_KNOWN_HOSTS_OK:
      return;
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
      throw Failure(host_key_changed(facts));
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN:
      throw Failure(host_key_unknown(facts));
    case SSH_KNOWN_HOSTS_ERROR:
      break;
  }
  throw Failure(fmt::format("The host key of {} could not be checked: {}.", label_, ::ssh_get_error(s)));
}

void SshConnection::authenticate() const {
  auto* s = session_.get();
  const TriedKeys tried;
  const int result = ::ssh_userauth_publickey_auto(s, nullptr, nullptr);
  if (result == SSH_AUTH_SUCCESS) return;
  if (result == SSH_AUTH_PARTIAL) {
    throw Failure(fmt::format("{} asks {} for more than a key. migrate cannot answer: allow login with a key alone.",
                              label_, user_));
  }
  const std::string words = result == SSH_AUTH_ERROR ? fmt::format(" ({})", ::ssh_get_error(s)) : "";
  throw Failure(
      fmt::format("No key was accepted for {} on {}{}: {}. Add the public key to ~{}/.ssh/authorized_keys "
                  "there; a key with a passphrase must be in the ssh agent (ssh-add).",
                  user_, label_, words, tried.text(), user_));
}

short SshConnection::wait(std::chrono::milliseconds at_most, int other, short events) {
  const short ours = writing() ? POLLIN | POLLOUT : POLLIN;
  std::array<pollfd, 3> fds{
      {{::ssh_get_fd(session_.get()), ours, 0}, {interrupt_.fd(), POLLIN, 0}, {other, events, 0}}};
  const auto timeout = std::min<std::chrono::milliseconds>(at_most, look_every);
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) < 0 && errno != EINTR) {
    throw Failure(fmt::format("Cannot wait for {}: {}.", label_, std::strerror(errno)));
  }
  watch_life(fds[0].revents != 0);
  return fds[2].revents;
}

void SshConnection::watch_life(bool heard) {
  const auto now = std::chrono::steady_clock::now();
  if (heard) {
    heard_ = asked_ = now;
  } else if (now - heard_ > dead_after) {
    throw Failure(fmt::format("{} has not answered for {} s: the connection is taken for dead.", label_,
                              std::chrono::duration_cast<std::chrono::seconds>(now - heard_).count()));
  } else if (now - asked_ > ask_after) {
    asked_ = now;
    ::ssh_send_keepalive(session_.get());
  }
}

// Reading a channel takes in packets only until its output has ended: the exit code and the close come after that.
void SshConnection::take_packets() { (void)::ssh_event_dopoll(event_.get(), 0); }

bool SshConnection::writing() const { return (::ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0; }

SshCommand::SshCommand(SshConnection& connection, const std::string& command) : connection_(connection) {
  auto* session = connection.session_.get();
  ::ssh_set_blocking(session, 1);
  channel_ = ::ssh_channel_new(session);
  if (channel_ == nullptr || ::ssh_channel_open_session(channel_) != SSH_OK ||
      ::ssh_channel_request_exec(channel_, command.c_str()) != SSH_OK) {
    const std::string words = ::ssh_get_error(session);
    if (channel_ != nullptr) ::ssh_channel_free(channel_);
    throw Failure(
        fmt::format("{} lets {} log in but runs no command: {}.", connection.label(), connection.user(), words));
  }
  ::ssh_set_blocking(session, 0);
}

SshCommand::~SshCommand() { ::ssh_channel_free(channel_); }

void SshCommand::receive(std::string& output, std::size_t limit) {
  std::string errors;
  connection_.take_packets();
  receive_from(true, errors, 16 * kept_errors);
  errors_ += errors;
  if (errors_.size() > kept_errors) errors_.erase(0, errors_.size() - kept_errors);
  receive_from(false, output, limit);
}

void SshCommand::receive_from(bool is_error, std::string& into, std::size_t limit) {
  std::array<char, 32 * 1024> bytes;
  while (into.size() < limit) {
    const int size = ::ssh_channel_read_nonblocking(channel_, bytes.data(), bytes.size(), is_error ? 1 : 0);
    if (size > 0) {
      into.append(bytes.data(), static_cast<std::size_t>(size));
    } else if (size == SSH_ERROR) {
      fail();
    } else {  // nothing now, or never again; a lost connection is also told like this
      if (::ssh_is_connected(connection_.session_.get()) == 0 && !output_ended()) fail();
      return;
    }
  }
}

// With the window shut or its buffer full libssh would wait, or swallow everything: it is asked for neither.
std::size_t SshCommand::send(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size() && !output_ended() && !connection_.writing()) {
    const auto room = std::min<std::size_t>(::ssh_channel_window_size(channel_), largest_write);
    const auto size = std::min(room, bytes.size() - sent);
    if (size == 0) break;
    const int written = ::ssh_channel_write(channel_, bytes.data() + sent, static_cast<std::uint32_t>(size));
    if (written == SSH_ERROR && !output_ended()) fail();
    if (written <= 0) break;
    sent += static_cast<std::size_t>(written);
  }
  return sent;
}

void SshCommand::send_end() { ::ssh_channel_send_eof(channel_); }

bool SshCommand::output_ended() const { return ::ssh_channel_is_eof(channel_) != 0 || closed(); }

bool SshCommand::closed() const { return ::ssh_channel_is_closed(channel_) != 0; }

int SshCommand::exit_status() const { return ::ssh_channel_get_exit_status(channel_); }

void SshCommand::fail() const {
  throw Failure(fmt::format("The connection to {} was lost: {}.", connection_.label(),
                            ::ssh_get_error(connection_.session_.get())));
}

}  // namespace migrate
