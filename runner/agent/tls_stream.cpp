#include "runner/agent/tls_stream.h"

#include "steps/failure.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace migrate {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::string_view identity = "migrate-pipe-1";
constexpr unsigned char suite[] = {0x13, 0x01};  // TLS_AES_128_GCM_SHA256: its hash is the one that a PSK is bound to

using Key = std::array<unsigned char, key_bytes>;

Key key_from_hex(std::string_view hex) {
  Key key{};
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  bool valid = hex.size() == 2 * key_bytes;
  for (std::size_t at = 0; valid && at < key_bytes; ++at) {
    const int high = digit(hex[2 * at]), low = digit(hex[2 * at + 1]);
    valid = high >= 0 && low >= 0;
    if (valid) key[at] = static_cast<unsigned char>(high * 16 + low);
  }
  if (!valid) throw Failure("A pipe's key must be 64 hexadecimal digits; the one that came with the job isn't.");
  return key;
}

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "TLS error " + std::to_string(code);
}

/// The session that stands for the key. OpenSSL takes over the reference that it is given.
SSL_SESSION* session_of(SSL* ssl) {
  const auto& key = *static_cast<const Key*>(SSL_get_app_data(ssl));
  SSL_SESSION* session = SSL_SESSION_new();
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, suite);
  if (!session || !cipher || !SSL_SESSION_set1_master_key(session, key.data(), key.size()) ||
      !SSL_SESSION_set_cipher(session, cipher) || !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
    SSL_SESSION_free(session);
    return nullptr;
  }
  return session;
}

int use_key(SSL* ssl, const EVP_MD* hash, const unsigned char** id, std::size_t* id_size, SSL_SESSION** session) {
  *session = nullptr;
  if (hash && !EVP_MD_is_a(hash, "SHA256")) return 1;  // another suite was chosen: there is no key for it
  *session = session_of(ssl);
  *id = reinterpret_cast<const unsigned char*>(identity.data());
  *id_size = identity.size();
  return *session != nullptr;
}

int find_key(SSL* ssl, const unsigned char* id, std::size_t id_size, SSL_SESSION** session) {
  *session = nullptr;
  if (std::string_view(reinterpret_cast<const char*>(id), id_size) != identity) return 1;  // unknown: no handshake
  *session = session_of(ssl);
  return *session != nullptr;
}

}  // namespace

struct TlsStream::Connection {
  Key key{};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{nullptr, &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, &SSL_free};
  ~Connection() { OPENSSL_cleanse(key.data(), key.size()); }
};

TlsStream::TlsStream(int socket, Side side, std::string_view key)
    : connection_(std::make_unique<Connection>()), socket_(socket) {
  auto& [secret, context, ssl] = *connection_;
  const bool ready = [&] {
    secret = key_from_hex(key);
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
    context.reset(SSL_CTX_new(side == Side::accepts ? TLS_server_method() : TLS_client_method()));
    if (!context || !SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256")) {
      return false;
    }
    // No tickets: the key is for one connection. No certificates either, so without the key no handshake can succeed.
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_default_read_buffer_len(context.get(), 128 * 1024);
    SSL_CTX_set_psk_use_session_callback(context.get(), use_key);
    SSL_CTX_set_psk_find_session_callback(context.get(), find_key);
    // A client insists on the key: a certificate, whoever signed it, proves nothing here.
    if (side == Side::connects) {
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 0; });
    }
    ssl.reset(SSL_new(context.get()));
    if (!ssl || !SSL_set_fd(ssl.get(), socket)) return false;
    SSL_set_app_data(ssl.get(), &secret);
    side == Side::accepts ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
    return true;
  }();
  if (!ready) throw Failure("Cannot set up TLS for a pipe: " + openssl_reason());
}

TlsStream::~TlsStream() {
  if (socket_ >= 0) ::close(socket_);
}

TlsStream::TlsStream(TlsStream&& other) noexcept
    : connection_(std::move(other.connection_)), socket_(other.socket_), reason_(std::move(other.reason_)) {
  other.socket_ = -1;
}

TlsStream& TlsStream::operator=(TlsStream&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(socket_, other.socket_);
  std::swap(reason_, other.reason_);
  return *this;
}

TlsStream::Progress TlsStream::progress_of(int result) {
  if (result > 0) return Progress::done;
  const int error_number = errno;
  switch (SSL_get_error(connection_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Progress::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Progress::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Progress::closed;
    case SSL_ERROR_SYSCALL:
      if (error_number != 0) reason_ = std::strerror(error_number);
      ERR_clear_error();
      return Progress::closed;
    default:
      if (auto reason = openssl_reason(); !reason.empty() && reason != "unexpected eof while reading") reason_ = reason;
      return Progress::closed;
  }
}

TlsStream::Progress TlsStream::handshake() {
  ERR_clear_error();
  errno = 0;
  return progress_of(SSL_do_handshake(connection_->ssl.get()));
}

TlsStream::Progress TlsStream::read(char* into, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  count = 0;
  return progress_of(SSL_read_ex(connection_->ssl.get(), into, size, &count));
}

TlsStream::Progress TlsStream::write(std::string_view bytes, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  count = 0;
  return progress_of(SSL_write_ex(connection_->ssl.get(), bytes.data(), bytes.size(), &count));
}

void TlsStream::close_sending() {
  ERR_clear_error();
  SSL_shutdown(connection_->ssl.get());
  ERR_clear_error();
  ::shutdown(socket_, SHUT_WR);
}

std::string new_pipe_key() {
  unsigned char bytes[key_bytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) throw Failure("The system gave no random bytes for a pipe's key.");
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace migrate
