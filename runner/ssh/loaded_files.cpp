#include "runner/ssh/loaded_files.h"

#include "steps/failure.h"

#include <fmt/format.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace migrate {
namespace {

struct LoadedObject {
  std::string name;
  std::uintptr_t base = 0;
};

int note_object(dl_phdr_info* object, std::size_t, void* objects) {
  static_cast<std::vector<LoadedObject>*>(objects)->push_back({object->dlpi_name, object->dlpi_addr});
  return 0;
}

// /proc/self/exe names the loader when the program was started through one; the mapping that holds our own code
// doesn't.
std::string file_mapped_at(std::uintptr_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream fields(line);
    fields >> std::hex >> begin >> dash >> end;
    if (address < begin || address >= end) continue;
    const auto path = line.find('/');
    return path == std::string::npos ? "" : line.substr(path);
  }
  return "";
}

std::string read_link(const char* path) {
  std::array<char, 4096> target{};
  const auto size = ::readlink(path, target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : "";
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Modules of the C library's own that it loads by name when a host's nsswitch.conf asks for them: they must be of the
// same version, the host's would not do. Others (systemd, sss) are found where the host has them.
void add_name_service_modules(LoadedFiles& files) {
  const auto libc = files.libraries.find("libc.so.6");
  if (libc == files.libraries.end()) return;
  const auto folder = libc->second.substr(0, libc->second.rfind('/') + 1);
  for (const char* name : {"libnss_compat.so.2"}) {
    if (std::filesystem::exists(folder + name)) files.libraries.emplace(name, folder + name);
  }
}

void require_files(const LoadedFiles& files) {
  std::vector<std::string> paths = {files.program, files.loader};
  for (const auto& [name, path] : files.libraries) paths.push_back(path);
  for (const auto& path : paths) {
    if (std::filesystem::is_regular_file(path)) continue;
    throw Failure(fmt::format(
        "Cannot send this program to hosts: its file {} was replaced or removed since it was started. Start it again.",
        path));
  }
}

}  // namespace

LoadedFiles find_loaded_files() {
  LoadedFiles files;
  files.program = file_mapped_at(reinterpret_cast<std::uintptr_t>(&find_loaded_files));
  const auto loader_base = static_cast<std::uintptr_t>(::getauxval(AT_BASE));
  if (loader_base == 0) files.loader = read_link("/proc/self/exe");  // the loader is what was started
  std::vector<LoadedObject> objects;
  ::dl_iterate_phdr(note_object, &objects);
  for (const auto& object : objects) {
    if (object.name.empty() || object.name[0] != '/') continue;  // the program itself; the kernel's own page
    if (loader_base != 0 && object.base == loader_base) {
      files.loader = object.name;
    } else if (file_name(object.name) != file_name(files.loader)) {
      files.libraries.emplace(file_name(object.name), object.name);
    }
  }
  if (files.loader.empty() || files.loader == files.program) {
    throw Failure("Cannot send this program to hosts: it is linked statically, and would not find users there.");
  }
  files.libraries.erase(file_name(files.loader));
  add_name_service_modules(files);
  require_files(files);
  return files;
}

}  // namespace migrate
