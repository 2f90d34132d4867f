#include "plans/yaml.h"

#include "plans/lines.h"
#include "plans/utf8.h"
#include "plans/value_builder.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <sstream>

namespace migrate {
namespace {

constexpr std::size_t most_text = 4u << 20;

Position position_of(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

/// yaml-cpp's events, passed on to the builder; what the plan language leaves out of YAML is refused here.
class Events : public YAML::EventHandler {
 public:
  explicit Events(ValueBuilder& builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YamlFault(position_of(mark), "a second document begins here", "a plan is one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.null(position_of(mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.alias(position_of(mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    builder_.scalar(position_of(mark), anchor, value, tag == "!");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    builder_.begin(position_of(mark), anchor, Value::Kind::list);
  }
  void OnSequenceEnd() override { builder_.end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    builder_.begin(position_of(mark), anchor, Value::Kind::map);
  }
  void OnMapEnd() override { builder_.end(); }

 private:
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    bool none = tag.empty() || tag == "?" || tag == "!";  // yaml-cpp's words for "no tag", plain and quoted
    if (!none) throw YamlFault(position_of(mark), "a plan has no YAML tags", "types are known from the plan language");
  }

  ValueBuilder& builder_;
  int documents_ = 0;
};

struct Wording {
  const char* theirs;
  const char* ours;
  const char* hint;
};

/// yaml-cpp's words for the mistakes that people make most, said so that they help.
const std::array<Wording, 10> wordings{{
    {YAML::ErrorMsg::END_OF_MAP, "this line does not fit the map around it", "check the indentation and the \":\""},
    {YAML::ErrorMsg::END_OF_SEQ, "this line does not fit the list around it", "check the indentation and the \"- \""},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "a \"{\" is not closed before this", "close it with \"}\""},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a \"[\" is not closed before this", "close it with \"]\""},
    {YAML::ErrorMsg::FLOW_END, "this bracket closes nothing", ""},
    {YAML::ErrorMsg::MAP_VALUE, "a \":\" cannot stand here", "put the text in quotes, or check the indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a \"- \" cannot stand here", "check the indentation"},
    {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here", "check the indentation"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "a quoted text is not closed", ""},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "this character cannot begin a value", "put the text in quotes"},
}};

bool has_tab_in_indentation(std::string_view line) {
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

void report(const YAML::Exception& error, std::string_view text, Diagnostics& diagnostics) {
  Position at = position_of(error.mark);
  if (has_tab_in_indentation(Lines(text).line(at.line)))  // yaml-cpp blames what comes after it
    return diagnostics.error({at.line, 1}, "a tab in the indentation", "use spaces");
  for (const Wording& wording : wordings)
    if (error.msg == wording.theirs) return diagnostics.error(at, wording.ours, wording.hint);
  diagnostics.error(at, "this is not well-formed YAML: " + error.msg);
}

/// False, with a diagnostic, for bytes that must not reach the parser.
bool check_bytes(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > most_text) {
    diagnostics.error({}, fmt::format("the file has more than {} MiB", most_text >> 20), "that is too much for a plan");
    return false;
  }
  std::size_t nul = text.find('\0');
  std::size_t broken = find_invalid_utf8(text.substr(0, nul));
  if (broken != std::string_view::npos) {
    diagnostics.error(Lines(text).position(broken),
                      fmt::format("byte 0x{:02X} is not UTF-8", static_cast<unsigned char>(text[broken])),
                      "save the plan as UTF-8");
    return false;
  }
  if (nul == std::string_view::npos) return true;
  diagnostics.error(Lines(text).position(nul), "a NUL byte", "a plan is a text file");
  return false;
}

}  // namespace

Value load_yaml(std::string_view text, Diagnostics& diagnostics) {
  if (!check_bytes(text, diagnostics)) return {};
  ValueBuilder builder(diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Events events(builder);
    while (parser.HandleNextDocument(events)) {
    }
    return builder.take();
  } catch (const YamlFault& fault) {
    diagnostics.error(fault.at, fault.what(), fault.hint);
  } catch (const YAML::Exception& error) {
    report(error, text, diagnostics);
  }
  return {};
}

}  // namespace migrate
