#include "steps/catalogue.h"

#include "steps/apache_modules.h"
#include "steps/apache_switch.h"
#include "steps/cron.h"
#include "steps/dns.h"
#include "steps/engine_steps.h"
#include "steps/file_move.h"
#include "steps/file_write.h"
#include "steps/hosts_file.h"
#include "steps/http_check.h"
#include "steps/pg_copy.h"
#include "steps/rsync.h"
#include "steps/run_command.h"
#include "steps/service.h"

#include <map>

namespace migrate {

namespace {

using Maker = std::unique_ptr<Action> (*)(std::string_view action, const boost::json::object& params,
                                          const std::string& role);

/// A family of actions: what they are called and take, and what makes one of them (nullptr: the engine itself does
/// them).
struct Family {
  std::vector<ActionSchema> (*schemas)();
  Maker make;
};

constexpr Family families[] = {
    {run_command_schemas, make_run_command},
    {file_write_schemas, make_file_write},
    {file_move_schemas, make_file_move},
    {service_schemas, make_service},
    {cron_schemas, make_cron},
    {apache_switch_schemas, make_apache_switch},
    {apache_modules_schemas, make_apache_modules},
    {hosts_file_schemas, make_hosts_file},
    {dns_schemas, make_dns},
    {pg_copy_schemas, make_pg_copy},
    {rsync_schemas, make_rsync},
    {http_check_schemas, make_http_check},
    {engine_step_schemas, nullptr},
};

/// What the plan language has and this version doesn't do yet.
const std::vector<std::string_view> not_yet = {
    "file.edit",       "file.remove",    "file.mode",    "archive",       "service.enable", "service.disable",
    "package.install", "package.remove", "hosts.remove", "pg.create",     "pg.drop",        "pg.dump",
    "pg.restore",      "pg.follow",      "pg.compare",   "pg.idle",       "notify",         "http.compare",
    "dns.check",       "tcp.check",      "mail.check",   "files.compare", "log.quiet",
};

ActionTable filled() {
  ActionTable table;
  for (const Family& family : families) {
    for (ActionSchema& schema : family.schemas()) table.actions.push_back(std::move(schema));
  }
  table.not_yet = not_yet;
  return table;
}

/// By name; nullptr where the engine itself does it. Made once: an agent makes an action for every job.
const std::map<std::string_view, Maker>& makers() {
  static const std::map<std::string_view, Maker> all = [] {
    std::map<std::string_view, Maker> by_name;
    for (const Family& family : families) {
      for (const ActionSchema& schema : family.schemas()) by_name[schema.name] = family.make;
    }
    return by_name;
  }();
  return all;
}

}  // namespace

const ActionTable& action_table() {
  static const ActionTable table = filled();
  return table;
}

std::unique_ptr<Action> make_action(std::string_view name, const boost::json::object& params, const std::string& role) {
  const auto found = makers().find(name);
  if (found == makers().end()) throw Failure("There is no action \"" + std::string(name) + "\".");
  if (!found->second) throw Failure(std::string(name) + " runs on no host: the engine itself does it.");
  return found->second(name, params, role);
}

}  // namespace migrate
