#include "steps/engine_steps.h"

namespace migrate {

namespace {

ActionSchema nowhere(std::string_view name, std::string_view summary, std::vector<Field> fields,
                     std::string_view shorthand, std::string_view example) {
  ActionSchema schema;
  schema.name = name;
  schema.summary = summary;
  schema.placement = Placement::nowhere;
  schema.effect = Effect::waits;
  schema.fields = std::move(fields);
  schema.shorthand = shorthand;
  schema.undo = "nothing";
  schema.example = example;
  return schema;
}

}  // namespace

std::vector<ActionSchema> engine_step_schemas() {
  return {
      nowhere("checklist", "Asks a person whether each of a list of things is done.",
              {{"items", FieldType::texts, true, "what a person confirms, one by one"}}, "items",
              "checklist: [Log in, \"Upload a photo, delete it again\"]"),
      nowhere("approve", "Waits until a person says that it may go on.",
              {{"by", FieldType::texts, false, "who may say so; anybody unless given"},
               {"message", FieldType::text, false, "what they are asked"}},
              "", "approve: { by: [francois], message: \"Last backup taken and readable?\" }"),
      nowhere("wait", "Waits for a time; a restart in between doesn't make it longer.",
              {{"for", FieldType::duration, true, "how long: 90s, 10m, 4h, 7d"}}, "for", "wait: 1h"),
  };
}

}  // namespace migrate
