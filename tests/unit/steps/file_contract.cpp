// The contract's cases for files: file.write, file.move on one host, cron.*, hosts.add.
#include "plans/digest.h"
#include "tests/unit/steps/contract.h"

namespace migrate {

namespace {

boost::json::object file_place(const std::string& path) { return {{"host", "old"}, {"path", path}}; }

std::vector<ContractCase> file_write_cases() {
  auto with_old = [](FakeSystem& machine) {
    machine.add_file("/etc/motd", "old\nwords\n", 0640, 33, 33).add_user("www", 33, 33);
  };
  std::string binary("\0\x01\xff\n\0", 5);
  return {
      {"a new file in a folder that is there",
       "file.write",
       {{"path", "/etc/motd"}, {"content", "hello\n"}},
       [](FakeSystem&) {}},
      {"a new file, two new folders",
       "file.write",
       {{"path", "/etc/apache2/sites-enabled.static/default.conf"}, {"content", "x"}, {"mode", "0600"}},
       [](FakeSystem&) {}},
      {"from a file beside the plan, not text",
       "file.write",
       {{"path", "/etc/blob"}, {"from", {{"name", "files/blob"}, {"base64", to_base64(binary)}}}, {"owner", "www"}},
       [](FakeSystem& machine) { machine.add_user("www", 33, 33); }},
      {"over a file that only some may read", "file.write", {{"path", "/etc/motd"}, {"content", "new\n"}}, with_old},
      {"another mode and owner, same content",
       "file.write",
       {{"path", "/etc/motd"}, {"content", "old\nwords\n"}, {"mode", "644"}, {"owner", "root"}, {"group", "www"}},
       with_old},
      {"over a file too large for the journal",
       "file.write",
       {{"path", "/etc/big"}, {"content", "small now"}},
       [](FakeSystem& machine) { machine.add_file("/etc/big", std::string(300 * 1024, 'b')); }},
      {"in the place of a symlink",
       "file.write",
       {{"path", "/etc/link"}, {"content", "a file"}},
       [](FakeSystem& machine) { machine.add_file("/etc/real", "r").add_symlink("/etc/link", "real"); }},
      {"emptied", "file.write", {{"path", "/etc/motd"}, {"content", ""}}, with_old},
  };
}

std::vector<ContractCase> file_move_cases() {
  auto with_key = [](FakeSystem& machine) { machine.add_file("/root/keys", "ssh-ed25519 AAAA\n", 0600); };
  return {
      {"to a path beside it",
       "file.move",
       {{"from", file_place("/root/keys")}, {"to", file_place("/root/keys.aside")}},
       with_key},
      {"into a new folder",
       "file.move",
       {{"from", file_place("/root/keys")}, {"to", file_place("/srv/a/b/keys")}},
       with_key},
  };
}

std::vector<ContractCase> cron_cases() {
  const std::string jobs =
      "# sync\nMAILTO=root\n\n*/5 * * * * slave /usr/bin/sync\n@daily root true\n  17 * * * * root x = y\n#@weekly "
      "root no";
  auto world = [jobs](FakeSystem& machine) { machine.add_file("/etc/cron.d/x", jobs, 0644); };
  const boost::json::object params{{"file", "/etc/cron.d/x"}};
  return {
      {"jobs, settings, comments, no newline at the end", "cron.disable", params, world},
      {"a file that only root may read", "cron.disable", params,
       [](FakeSystem& machine) { machine.add_file("/etc/cron.d/x", "* * * * * root a\n", 0600); }},
      {"what was disabled", "cron.enable", params,
       [](FakeSystem& machine) {
         machine.add_file("/etc/cron.d/x", "# c\n#migrate# * * * * * root a\n#1 * * * * root b\n");
       }},
  };
}

std::vector<ContractCase> hosts_cases() {
  const boost::json::object params{{"ip", "198.51.100.20"}, {"names", {"www.x.test", "x.test"}}};
  return {
      {"at the end", "hosts.add", params,
       [](FakeSystem& machine) { machine.add_file("/etc/hosts", "127.0.0.1 localhost\n"); }},
      {"no newline at the end", "hosts.add", params,
       [](FakeSystem& machine) { machine.add_file("/etc/hosts", "127.0.0.1 localhost"); }},
      {"before a line that says otherwise", "hosts.add", params,
       [](FakeSystem& machine) {
         machine.add_file("/etc/hosts", "127.0.0.1 localhost\n192.0.2.1 x.test # old\n::1 x.test\n");
       }},
      {"IPv6, another file",
       "hosts.add",
       {{"ip", "2001:db8::1"}, {"names", {"x.test"}}, {"file", "/etc/hosts.lab"}},
       [](FakeSystem& machine) { machine.add_file("/etc/hosts.lab", ""); }},
  };
}

}  // namespace

std::vector<ContractCase> file_cases() {
  std::vector<ContractCase> all;
  for (auto family : {file_write_cases, file_move_cases, cron_cases, hosts_cases}) {
    for (ContractCase& one : family()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace migrate
