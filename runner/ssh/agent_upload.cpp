#include "runner/ssh/agent_upload.h"

#include "runner/ssh/ssh_sentences.h"
#include "steps/failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace migrate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t part = 256 * 1024;
constexpr auto tell_every = 200ms;
constexpr auto unpack_timeout = 120s;

// Megabytes, as people and disks count them.
double megabytes(std::uintmax_t bytes) { return static_cast<double>(bytes) / 1e6; }

class Upload {
 public:
  Upload(SshConnection& connection, const std::string& command, const std::string& bundle,
         const std::function<void(std::string)>& progress)
      : connection_(connection), command_(connection, command), file_(bundle, std::ios::binary), progress_(progress) {
    std::error_code none;
    size_ = std::filesystem::file_size(bundle, none);
    if (!file_ || none)
      throw Failure(fmt::format("Cannot read the agent's bundle {}: {}.", bundle, std::strerror(errno)));
  }

  // As long as the host takes it; it may well end in the middle, with no space left.
  void send_all() {
    while (!connection_.interrupted() && !command_.output_ended() && refill()) {
      command_.receive(output_, part);
      const auto sent = command_.send(bytes_);
      bytes_.erase(0, sent);
      done_ += sent;
      tell();
      connection_.wait(sent > 0 ? 0ms : 1000ms);
    }
    if (!command_.output_ended()) command_.send_end();
  }

  // True when the host says that it is there.
  bool wait_unpacked() {
    const auto deadline = std::chrono::steady_clock::now() + unpack_timeout;
    for (;;) {
      command_.receive(output_, part);
      if (command_.closed() || connection_.interrupted() || std::chrono::steady_clock::now() > deadline) break;
      connection_.wait(1000ms);
    }
    return output_.find(fmt::format("\n{}\n", uploaded_line)) != std::string::npos;
  }

  RemoteEnd how_it_ended() const {
    return {connection_.label(), connection_.user(), command_.exit_status(), command_.errors(), output_};
  }

 private:
  // False when everything has been sent.
  bool refill() {
    if (!bytes_.empty()) return true;
    bytes_.resize(part);
    file_.read(bytes_.data(), static_cast<std::streamsize>(part));
    bytes_.resize(static_cast<std::size_t>(file_.gcount()));
    return !bytes_.empty();
  }

  void tell() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ && done_ < size_) return;
    next_ = now + tell_every;
    if (progress_)
      progress_(fmt::format("uploading the agent, {:.0f} of {:.0f} MB", megabytes(done_), megabytes(size_)));
  }

  SshConnection& connection_;
  SshCommand command_;
  std::ifstream file_;
  const std::function<void(std::string)>& progress_;
  std::uintmax_t size_ = 0, done_ = 0;
  std::string bytes_, output_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace

void upload_agent(SshConnection& connection, const AgentScript& script, const std::string& bundle,
                  const std::function<void(std::string)>& progress) {
  std::random_device random;
  Upload upload(connection, upload_command(script, fmt::format("{:08x}{:08x}", random(), random())), bundle, progress);
  upload.send_all();
  if (!upload.wait_unpacked() && !connection.interrupted()) throw Failure(upload_failed(upload.how_it_ended()));
}

}  // namespace migrate
