// In a container /etc/hosts is often a bind mount, which no rename can replace (EBUSY): System::write then writes it in
// place. Nothing here depends on which of the two happened.
#include "steps/hosts_file.h"

#include "steps/file_edit.h"
#include "steps/params.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace migrate {

namespace {

struct HostsLine {
  std::string address;
  std::vector<std::string> names;  // lower case
};

HostsLine parsed(std::string_view line) {
  HostsLine parts;
  std::istringstream words{std::string(line.substr(0, line.find('#')))};
  words >> parts.address;
  for (std::string name; words >> name;) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    parts.names.push_back(name);
  }
  return parts;
}

bool is_ip6(std::string_view address) { return address.find(':') != std::string_view::npos; }

class HostsAdd : public FileEdit {
 public:
  HostsAdd(std::string file, std::string address, std::vector<std::string> names)
      : FileEdit(std::move(file)), address_(std::move(address)), names_(std::move(names)) {}

 protected:
  /// The resolver takes the first line of a family that has the name: ours goes before any that says otherwise.
  std::string edited(const std::string& text) const override {
    if (all_hold(text)) return text;
    std::string changed;
    bool added = false;
    for (std::string_view rest = text; !rest.empty();) {
      std::size_t length = std::min(rest.find('\n'), rest.size() - 1) + 1;
      std::string_view line = rest.substr(0, length);
      if (!added && mentions_ours(parsed(line))) {
        changed += our_line() + "\n";
        added = true;
      }
      changed += line;
      rest.remove_prefix(length);
    }
    if (added) return changed;
    if (!changed.empty() && changed.back() != '\n') changed += "\n";
    return changed + our_line() + "\n";
  }

  std::string taken_back(const std::string& text, const std::string& before) const override {
    std::string ours = our_line() + "\n";
    std::size_t at = ("\n" + text).find("\n" + ours);
    bool was_there_before = ("\n" + before).find("\n" + ours) != std::string::npos;
    if (at == std::string::npos || was_there_before) return text;
    return text.substr(0, at) + text.substr(at + ours.size());
  }

  std::string summary(const std::string&) const override {
    return fmt::format("{} name(s) to {}", names_.size(), address_);
  }
  std::string undo_summary() const override { return "remove the line again"; }

 private:
  std::string our_line() const { return fmt::format("{} {} # migrate", address_, fmt::join(names_, " ")); }

  bool mentions_ours(const HostsLine& line) const {
    if (is_ip6(line.address) != is_ip6(address_)) return false;
    return std::any_of(line.names.begin(), line.names.end(), [&](const std::string& name) {
      return std::find(names_.begin(), names_.end(), name) != names_.end();
    });
  }

  bool all_hold(const std::string& text) const {
    return std::all_of(names_.begin(), names_.end(),
                       [&](const std::string& name) { return address_for(text, name) == address_; });
  }

  std::string address_for(const std::string& text, const std::string& name) const {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      HostsLine parts = parsed(line);
      bool names_it = std::find(parts.names.begin(), parts.names.end(), name) != parts.names.end();
      if (names_it && is_ip6(parts.address) == is_ip6(address_)) return parts.address;
    }
    return "";
  }

  std::string address_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<ActionSchema> hosts_file_schemas() {
  ActionSchema schema;
  schema.name = "hosts.add";
  schema.summary = "Lets a host find names at an address, whatever DNS says: one line in its hosts file.";
  schema.fields = {
      {"ip", FieldType::address, true, "IPv4 or IPv6 address"},
      {"names", FieldType::names, true, "the names to find there"},
      {"file", FieldType::text, false, "/etc/hosts unless said otherwise"},
  };
  schema.undo = "puts the file back to the byte; removes only its own line when somebody else has edited the file";
  schema.example = "hosts.add: { ip: 198.51.100.20, names: [www.libravatar.test, cdn.libravatar.test] }";
  return {schema};
}

std::unique_ptr<Action> make_hosts_file(std::string_view, const boost::json::object& params, const std::string&) {
  return std::make_unique<HostsAdd>(text_param(params, "file", "/etc/hosts"), text_param(params, "ip"),
                                    texts_param(params, "names"));
}

}  // namespace migrate
