#include "steps/params.h"
#include "steps/pg_contents.h"
#include "steps/pg_copy_seats.h"
#include "steps/pg_databases.h"
#include "steps/pg_restore.h"
#include "steps/pg_roles.h"
#include "steps/pipe_talk.h"
#include "steps/step_mark.h"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace migrate {
namespace {

class PgCopyTarget : public Action {
 public:
  explicit PgCopyTarget(PgCopyOrder order) : order_(std::move(order)) {}

  State probe(System& system) const override {
    const Postgres postgres(system, order_.to);
    postgres.require({"psql", "pg_restore"});
    State state{{database_key(order_.to_name), database_state(postgres)}};
    if (order_.owner.empty()) return state;
    const bool there = role_exists(postgres, order_.owner);
    if (order_.create_owner)
      state[role_key(order_.owner)] = there ? boost::json::value("present") : boost::json::value();
    else if (!there)
      throw Failure(missing_roles({order_.owner}));
    return state;
  }

  /// `after` leaves the database out: only the source knows what will be in it.
  Change plan(const State& state) const override {
    const auto& now = state.at(database_key(order_.to_name));
    Change change;
    change.mark = now.is_null() ? '+' : '~';
    const std::string from = text_param(order_.from, "host") + "/" + order_.from_name;
    change.summary = fmt::format("the database {} as a copy of {}", order_.to_name, from);
    change.undo = "drop the copy";
    if (!now.is_null()) {
      const auto& there = now.as_object();
      change.details.push_back(fmt::format(
          "{} is there now, with {} tables and {} rows; it is renamed to {}_before_RUN", order_.to_name,
          there.at("tables").to_number<std::uint64_t>(), there.at("rows").to_number<std::uint64_t>(), order_.to_name));
      change.undo = "drop the copy, and give the database that is there now its name back";
    }
    if (const auto role = state.find(role_key(order_.owner)); role != state.end()) {
      change.details.push_back(role->second.is_null()
                                   ? "+ role " + order_.owner + ", with the source's password and attributes"
                                   : "the role " + order_.owner + " is there, and stays as it is");
      change.after[role->first] = "present";
    }
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    const Postgres postgres(system, order_.to);
    const PgNames names = names_for(order_.to_name, step_mark(system));
    require_nobody_in_the_way(postgres, names);
    drop_database(postgres, names.fresh);  // an interrupted try's
    remove_spool(system, spool_of(system));
    const auto pipe = system.accept_pipe();
    return telling_failures(*pipe, [&] { return receive(system, *pipe, postgres, names, before); });
  }

  void verify(System& system, const State&, const boost::json::object& outputs) const override {
    const Postgres postgres(system, order_.to);
    const PgContents found = contents_of(postgres, order_.to_name);
    if (found.digest() == text_param(outputs, "digest")) return;
    throw Failure(
        fmt::format("{} holds {} rows in {} tables now; {} rows in {} tables were copied (or a sequence has moved). "
                    "Who writes there?",
                    order_.to_name, found.rows(), found.tables.size(), outputs.at("rows").to_number<std::uint64_t>(),
                    outputs.at("tables").to_number<std::uint64_t>()));
  }

  void undo(System& system, const State& before) const override {
    const Postgres postgres(system, order_.to);
    const PgNames names = names_for(order_.to_name, step_mark(system));
    take_back(postgres, names);
    remove_spool(system, spool_of(system));
    const auto role = before.find(role_key(order_.owner));
    if (role != before.end() && role->second.is_null()) drop_marked_role(postgres, order_.owner, names.mark);
  }

 private:
  static std::string spool_of(System& system) { return "/var/tmp/migrate_" + step_mark(system); }

  boost::json::value database_state(const Postgres& postgres) const {
    const auto database = find_database(postgres, order_.to_name);
    if (!database) return nullptr;
    const PgContents contents = contents_of(postgres, order_.to_name);
    return boost::json::object{{"owner", database->owner},
                               {"encoding", database->encoding},
                               {"collate", database->collate},
                               {"ctype", database->ctype},
                               {"tables", contents.tables.size()},
                               {"rows", contents.rows()},
                               {"sequences", contents.sequences.size()},
                               {"digest", contents.digest()}};
  }

  std::string missing_roles(const std::vector<std::string>& roles) const {
    return fmt::format(
        "The target has no role {}: create it first (createuser {}), or let pg.copy make the owner by `create_owner: "
        "true`.",
        fmt::join(roles, ", "), roles.front());
  }

  void require_nobody_in_the_way(const Postgres& postgres, const PgNames& names) const {
    const std::string sessions = sessions_in(postgres, names.database);
    if (sessions.empty()) return;
    throw Failure(
        fmt::format("The database {} cannot be set aside while somebody is connected to it: {}. Stop what uses it "
                    "(the application, its pooler), then try again.",
                    names.database, sessions));
  }

  boost::json::object receive(System& system, Pipe& pipe, const Postgres& postgres, const PgNames& names,
                              const State& before) const {
    const auto source = receive_note(pipe);
    prepare(system, postgres, names, source, before);
    send_note(pipe, {{"ready", true}});
    const auto bytes = source.at("bytes").to_number<std::uint64_t>();
    system.progress(0, bytes);
    restore_from_pipe(system, pipe, postgres, names.fresh, order_.jobs, spool_of(system), bytes);
    const auto counts = receive_note(pipe);
    postgres.script(names.fresh, "ANALYZE;\n", "Cannot analyze the copy", false);
    const PgContents copy = contents_of(postgres, names.fresh);
    const auto differs = contents_difference(contents_from_json(counts.at("before").as_object()),
                                             contents_from_json(counts.at("after").as_object()), copy);
    if (!differs.empty()) throw Failure("The copy of " + order_.from_name + " is not equal to it. " + differs);
    require_nobody_in_the_way(postgres, names);
    put_in_place(postgres, names);
    boost::json::object outputs{{"rows", copy.rows()},
                                {"tables", copy.tables.size()},
                                {"sequences", copy.sequences.size()},
                                {"bytes", bytes},
                                {"digest", copy.digest()}};
    if (!before.at(database_key(order_.to_name)).is_null()) outputs["set_aside"] = names.aside;
    return outputs;
  }

  void prepare(System& system, const Postgres& postgres, const PgNames& names, const boost::json::object& source,
               const State& before) const {
    const int theirs = source.at("version").to_number<int>(), ours = postgres.version();
    if (theirs > ours)
      throw Failure(
          fmt::format("The source has PostgreSQL {}, the target {}: a dump cannot go back in versions.", theirs, ours));
    PgDatabase like{text_param(source, "owner"), text_param(source, "encoding"), text_param(source, "collate"),
                    text_param(source, "ctype")};
    if (!order_.owner.empty()) like.owner = order_.owner;
    if (!order_.encoding.empty()) like.encoding = order_.encoding;
    const auto role = before.find(role_key(order_.owner));
    if (role != before.end() && !role_exists(postgres, order_.owner))
      create_role_like(postgres, source.at("role").as_object(), names.mark);
    std::set<std::string> needed{like.owner};
    for (const auto& each : source.at("roles").as_array()) needed.emplace(each.as_string());
    std::vector<std::string> missing;
    for (const auto& name : needed) {
      if (!role_exists(postgres, name)) missing.push_back(name);
    }
    if (!missing.empty()) throw Failure(missing_roles(missing));
    create_database(system, postgres, names.fresh, like);
  }

  PgCopyOrder order_;
};

}  // namespace

std::unique_ptr<Action> make_pg_copy_target(PgCopyOrder order) {
  return std::make_unique<PgCopyTarget>(std::move(order));
}

}  // namespace migrate
