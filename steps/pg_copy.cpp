#include "steps/pg_copy.h"

#include "steps/params.h"
#include "steps/pg_copy_seats.h"

namespace migrate {
namespace {

PgCopyOrder order_of(const boost::json::object& params) {
  PgCopyOrder order;
  order.from = params.at("from").as_object();
  order.to = params.at("to").as_object();
  order.from_name = text_param(order.from, "database");
  order.to_name = text_param(order.to, "database");
  order.owner = text_param(params, "owner");
  order.encoding = text_param(params, "encoding");
  order.create_owner = flag_param(params, "create_owner", false);
  if (has_param(params, "jobs")) order.jobs = params.at("jobs").to_number<int>();
  if (order.jobs < 1 || order.jobs > 64) throw Failure("pg.copy: jobs must be between 1 and 64.");
  if (order.create_owner && order.owner.empty()) throw Failure("pg.copy: create_owner needs owner: which role is it?");
  return order;
}

}  // namespace

std::vector<ActionSchema> pg_copy_schemas() {
  return {{.name = "pg.copy",
           .summary = "copies a PostgreSQL database from one host to another, in one stream, and counts what arrived",
           .placement = Placement::from_to,
           .effect = Effect::changes,
           .fields =
               {{"from", FieldType::database, true, "the database to read: postgres://old/libravatar"},
                {"to", FieldType::database, true, "what it shall be called and where: postgres://new/libravatar"},
                {"owner", FieldType::text, false, "the role that owns the new database; as at the source if left out"},
                {"encoding", FieldType::text, false, "of the new database; as at the source if left out"},
                {"jobs", FieldType::integer, false,
                 "restore with so many connections; more than 1 needs room for the dump in the target's /var/tmp"},
                {"create_owner", FieldType::boolean, false,
                 "create the owner at the target if it is missing, with its attributes and password as at the source"}},
           .shorthand = "",
           .exactly_one_of = {},
           .undo = "drops the copy and gives the database that was there its name back",
           .example = "pg.copy: { from: postgres://old/libravatar, to: postgres://new/libravatar, owner: djangouser, "
                      "create_owner: true }\n"}};
}

std::unique_ptr<Action> make_pg_copy(std::string_view, const boost::json::object& params, const std::string& role) {
  return role == "source" ? make_pg_copy_source(order_of(params)) : make_pg_copy_target(order_of(params));
}

}  // namespace migrate
