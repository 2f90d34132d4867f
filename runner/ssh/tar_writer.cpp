#include "runner/ssh/tar_writer.h"

#include "steps/failure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace migrate {
namespace {

constexpr std::size_t block = 512;
// tar warns about files from 1970: any fixed time that is not zero will do.
constexpr unsigned long fixed_time = 1'000'000'000;

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw Failure(fmt::format("Cannot write {}: {}.", path, what));
}

void put_octal(char* field, std::size_t width, std::uint64_t number) {
  const auto text = fmt::format("{:0{}o}", number, width - 1);
  std::memcpy(field, text.data(), width - 1);
}

}  // namespace

TarWriter::TarWriter(const std::string& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd_ < 0) fail(path_, std::strerror(errno));
  const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);  // gzclose closes its own; ours is for the sync
  gzip_ = copy < 0 ? nullptr : ::gzdopen(copy, "wb1");
  if (gzip_ == nullptr) fail(path_, std::strerror(errno));
  ::gzbuffer(static_cast<gzFile>(gzip_), 256 * 1024);
}

TarWriter::~TarWriter() {
  if (gzip_ != nullptr) ::gzclose(static_cast<gzFile>(gzip_));
  if (fd_ >= 0) ::close(fd_);
}

void TarWriter::add_folder(const std::string& name) { write_header(name + "/", 0, 0755, '5'); }

void TarWriter::add_text(const std::string& name, std::string_view text, unsigned mode) {
  write_header(name, text.size(), mode, '0');
  write(text);
  pad(text.size());
}

void TarWriter::add_file(const std::string& name, const std::string& source, unsigned mode) {
  std::ifstream in(source, std::ios::binary);
  struct stat found {};
  if (!in || ::stat(source.c_str(), &found) != 0) {
    throw Failure(fmt::format("Cannot read {}: {}.", source, std::strerror(errno)));
  }
  const auto size = static_cast<std::uint64_t>(found.st_size);
  write_header(name, size, mode, '0');
  std::array<char, 256 * 1024> bytes{};
  std::uint64_t done = 0;
  while (in.read(bytes.data(), bytes.size()), in.gcount() > 0) {
    write({bytes.data(), static_cast<std::size_t>(in.gcount())});
    done += static_cast<std::uint64_t>(in.gcount());
  }
  if (done != size) throw Failure(fmt::format("{} changed while it was read: {} bytes of {}.", source, done, size));
  pad(size);
}

void TarWriter::finish() {
  write(std::string(2 * block, '\0'));
  const int result = ::gzclose(static_cast<gzFile>(gzip_));
  gzip_ = nullptr;
  if (result != Z_OK || ::fsync(fd_) != 0) fail(path_, std::strerror(errno));
}

// The fields' places and widths: POSIX.1-2017, pax, "ustar Interchange Format".
void TarWriter::write_header(const std::string& name, std::uint64_t size, unsigned mode, char kind) {
  if (name.size() > 99) throw Failure(fmt::format("Cannot put {} into {}: the name is too long.", name, path_));
  std::array<char, block> header{};
  char* const h = header.data();
  std::memcpy(h, name.data(), name.size());
  put_octal(h + 100, 8, mode);
  put_octal(h + 108, 8, 0);
  put_octal(h + 116, 8, 0);
  put_octal(h + 124, 12, size);
  put_octal(h + 136, 12, fixed_time);
  std::memset(h + 148, ' ', 8);  // the checksum is taken with blanks in its own place
  h[156] = kind;
  std::memcpy(h + 257, "ustar\00000", 8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(h + 148, 7, sum);
  h[154] = '\0';
  write({h, block});
}

void TarWriter::write(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto size = static_cast<unsigned>(bytes.size());
  if (::gzwrite(static_cast<gzFile>(gzip_), bytes.data(), size) != static_cast<int>(size)) {
    int code = 0;
    const char* words = ::gzerror(static_cast<gzFile>(gzip_), &code);
    fail(path_, code == Z_ERRNO ? std::strerror(errno) : words);
  }
}

void TarWriter::pad(std::uint64_t size) {
  if (size % block != 0) write(std::string(block - size % block, '\0'));
}

}  // namespace migrate
