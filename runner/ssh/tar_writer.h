// Writes a .tar.gz (POSIX ustar, gzip): what `tar -xz` of any Unix reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace migrate {

/// The same entries in the same order give the same bytes: no times, no owners. Throws Failure when the disk says no.
class TarWriter {
 public:
  explicit TarWriter(const std::string& path);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Names are relative and at most 99 bytes long.
  void add_folder(const std::string& name);
  void add_text(const std::string& name, std::string_view text, unsigned mode);
  /// A copy of the file at `source`; symbolic links are followed.
  void add_file(const std::string& name, const std::string& source, unsigned mode);
  /// Writes the end and syncs the file. Without it the archive is not whole.
  void finish();

 private:
  void write_header(const std::string& name, std::uint64_t size, unsigned mode, char kind);
  void write(std::string_view bytes);
  void pad(std::uint64_t size);

  std::string path_;
  int fd_ = -1;
  void* gzip_ = nullptr;
};

}  // namespace migrate
