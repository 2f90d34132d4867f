// All that an action may do to a machine and to the network. Two implementations: RealSystem (runner/agent) in a job's
// process, and FakeSystem (tests/support), in memory, which can fail at every single write.
//
// Contract: every method either does what it says or throws Failure with a sentence that names the path or command and
// the system's reason. "Writes" are the methods that can change the machine; the others only read. A System belongs to
// one job and one thread.
#pragma once

#include "steps/failure.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace migrate {

struct FileStatus {
  enum class Kind { file, directory, symlink, other };
  Kind kind = Kind::file;
  unsigned mode = 0;          // permission bits, 07777
  unsigned uid = 0;
  unsigned gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;  // since 1970
  std::string target;         // symlink
  std::uint64_t links = 1;
  bool operator==(const FileStatus&) const = default;
};

/// A program to run. Found in PATH when argv[0] has no slash.
struct Command {
  std::vector<std::string> argv;
  std::string input;                         // fed to its standard input; then end of file
  std::map<std::string, std::string> env;    // added to a clean environment (PATH, HOME, LANG=C.UTF-8)
  std::string chdir;                         // "" : /
  std::string user;                          // "" : as the agent's own user
  std::chrono::milliseconds timeout{0};      // 0: the job's own; when it passes, the whole process tree is ended
  bool stream = false;                       // every line of its output goes to log() as it comes
  bool reads_only = false;                   // the caller vouches that it changes nothing (probe, verify)
};

struct Exit {
  int code = 0;       // exit code; 128+signal when a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::string out;    // standard output, at most the last 1 MiB
  std::string err;    // standard error, at most the last 1 MiB
  bool ok() const { return code == 0 && signal == 0 && !timed_out; }
};

/// Where the receiving end of a pipe listens; travels through the controller to the sending end, and nowhere else.
struct PipeOffer {
  std::vector<std::string> addresses;  // IPv4 and IPv6, in order of preference
  int port = 0;
  std::string key;                     // one-time, hex; never journaled, never logged
};

/// An authenticated, encrypted stream of frames between two agents. Each end may send at any time; a frame arrives
/// whole or not at all. Either side's failure reaches the other as a frame of kind `error` or as a Failure.
class Pipe {
 public:
  enum class Kind : std::uint8_t { bytes = 1, end = 2, note = 3, error = 4 };
  struct Frame {
    Kind kind = Kind::bytes;
    std::string data;   // note: JSON; error: a sentence
  };
  virtual ~Pipe() = default;
  virtual void send(Kind kind, std::string_view data) = 0;
  /// Waits for a frame; throws Failure when the other side is gone or silent for 60 s (it sends keep-alives by itself).
  virtual Frame receive() = 0;
};

struct HttpRequest {
  std::string url;
  std::string connect_to;   // an address or name to connect to instead of what DNS says; TLS names are still checked
  int family = 0;           // 4, 6 or 0
  bool follow_redirects = false;
  std::chrono::milliseconds timeout{10000};
};
struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; of the last response
  std::string body;                            // at most 1 MiB
  std::string address;                         // that answered
};

struct DnsRecordSet {
  bool exists = false;
  std::uint32_t ttl = 0;
  std::vector<std::string> values;  // presentation form, sorted
  bool operator==(const DnsRecordSet&) const = default;
};
struct DnsKey {
  std::string name, algorithm, secret;  // algorithm: "hmac-sha256"; secret: base64
};
/// One RFC 2136 UPDATE: all of it happens, or nothing.
struct DnsUpdate {
  struct Entry {
    std::string name, type;  // fully qualified without the final dot; "A"
    DnsRecordSet expected;   // prerequisite: the set has exactly these values now (or does not exist)
    DnsRecordSet wanted;     // what it shall be
  };
  std::string zone;
  std::vector<Entry> entries;
};

class System {
 public:
  virtual ~System() = default;

  // --- programs
  /// Writes unless command.reads_only. A program that isn't there: Failure "apache2ctl is not installed on this host".
  virtual Exit run(const Command& command) = 0;
  virtual bool has_program(const std::string& name) = 0;

  // --- files (paths are absolute)
  virtual std::optional<FileStatus> status(const std::string& path) = 0;  // does not follow symlinks
  virtual std::string read(const std::string& path) = 0;
  virtual std::vector<std::string> list(const std::string& directory) = 0;  // names, sorted, without . and ..
  /// Writes: a new file beside it, fsync, rename, fsync of the folder. Mode and owner as given.
  virtual void write(const std::string& path, std::string_view content, const FileStatus& as) = 0;
  virtual void make_directory(const std::string& path, unsigned mode, unsigned uid, unsigned gid) = 0;
  virtual void make_symlink(const std::string& target, const std::string& path) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;    // replaces `to` if it is a file
  virtual void exchange(const std::string& a, const std::string& b) = 0;      // atomically: RENAME_EXCHANGE
  virtual void remove(const std::string& path) = 0;                           // a file, a symlink or an empty directory
  virtual void set_status(const std::string& path, const FileStatus& as) = 0; // mode, owner, mtime
  /// {uid, gid}, by name; nullopt when there is no such user.
  virtual std::optional<std::pair<unsigned, unsigned>> user(const std::string& name) = 0;
  virtual std::optional<unsigned> group(const std::string& name) = 0;

  // --- a folder that lasts: where this step keeps what is too big for the journal. Same name for every verb of the
  //     step (run + step + seat), made on first use (a write), mode 0700. Its content lives until `migrate finish`.
  virtual std::string keep_folder() = 0;
  /// The run's id, for names like libravatar_before_7f3a: short, [a-z0-9].
  virtual std::string run_id() = 0;

  // --- network
  virtual HttpResponse http(const HttpRequest& request) = 0;
  virtual DnsRecordSet dns_query(const std::string& server, const std::string& name, const std::string& type) = 0;
  /// The zone that holds `name` at that server (its SOA's owner).
  virtual std::string dns_zone(const std::string& server, const std::string& name) = 0;
  /// Writes. Throws DnsMismatch (below) when a prerequisite does not hold.
  virtual void dns_update(const std::string& server, const DnsKey& key, const DnsUpdate& update) = 0;

  // --- pipes between the two seats of a step: `target` listens, `source` connects.
  virtual std::unique_ptr<Pipe> accept_pipe() = 0;   // announces the offer to the controller, waits for the other end
  virtual std::unique_ptr<Pipe> connect_pipe() = 0;  // to the offer that came with the job
  /// Runs `command` with `in_fd` fed by the pipe's frames and what it writes to `out_fd` sent as frames, until the
  /// command has ended and the other side has sent `end`. Reports progress() in bytes. Fds 0 and 1, or higher ones
  /// (then its standard output is captured or streamed as usual). -1: that direction isn't used.
  virtual Exit run_through(Pipe& pipe, const Command& command, int in_fd, int out_fd) = 0;

  // --- for people
  virtual void progress(std::uint64_t done, std::uint64_t total) = 0;  // bytes; total 0: unknown
  virtual void log(std::string_view line) = 0;
  virtual void sleep(std::chrono::milliseconds duration) = 0;
  virtual std::chrono::system_clock::time_point now() = 0;
};

/// A prerequisite of a DNS update did not hold: someone else changed the records.
class DnsMismatch : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace migrate
