#include "steps/rsync.h"

#include "steps/params.h"
#include "steps/pipe_talk.h"
#include "steps/rsync_transfer.h"
#include "steps/step_mark.h"
#include "steps/tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace migrate {
namespace {

std::string path_of(const boost::json::object& params, std::string_view name) {
  return std::string(params.at(name).as_object().at("path").as_string());
}

std::string host_of(const boost::json::object& params, std::string_view name) {
  return text_param(params.at(name).as_object(), "host");
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// Of all that rsync's slashes mean: `from/` is copied as `to`, `from` as `to/from`. So one directory becomes another.
RsyncOrder order_of(const boost::json::object& params) {
  const std::string from = path_of(params, "from");
  if (from.empty() || from.front() != '/' || path_of(params, "to").empty() || path_of(params, "to").front() != '/' ||
      (from + path_of(params, "to")).find_first_of("\n\r") != std::string::npos) {
    throw Failure("rsync needs absolute paths without line breaks: old:/var/lib/x/");
  }
  RsyncOrder order;
  order.from = without_slash(from);
  order.to = without_slash(path_of(params, "to"));
  if (from.back() != '/') order.to = (order.to == "/" ? "" : order.to) + order.from.substr(order.from.rfind('/'));
  order.remove = flag_param(params, "delete", false);
  order.checksum = flag_param(params, "checksum", false);
  order.exclude = texts_param(params, "exclude");
  if (has_param(params, "bandwidth")) order.bytes_per_second = params.at("bandwidth").to_number<std::uint64_t>();
  return order;
}

void require_rsync(System& system) {
  if (system.has_program("rsync")) return;
  throw Failure("rsync is not installed on this host. On Debian: apt-get install rsync");
}

std::string tree_key(const std::string& path) { return "tree:" + path; }

class RsyncSource : public Action {
 public:
  explicit RsyncSource(const boost::json::object& params)
      : order_(order_of(params)), target_(host_of(params, "to") + ":" + order_.to) {}

  /// What is in the tree isn't part of the state: the service may still be writing there, and nothing is changed here.
  State probe(System& system) const override {
    require_rsync(system);
    const auto status = system.status(real_path(system, order_.from));
    if (!status) throw Failure(order_.from + " does not exist on this host.");
    if (status->kind != FileStatus::Kind::directory)
      throw Failure(order_.from + " is not a directory: rsync copies trees.");
    const TreeSize size = tree_size(system, order_.from);
    system.log(fmt::format("{}: {} files, {} bytes", order_.from, size.files, size.bytes));
    return {{tree_key(order_.from), boost::json::object{{"kind", "directory"}}}};
  }

  /// '~' although nothing changes here: an '=' would mean that there is nothing to do, and apply() has to send.
  Change plan(const State&) const override {
    Change change;
    change.mark = '~';
    change.summary = order_.from + " is read and sent to " + target_ + "; nothing changes here";
    change.undo = "nothing";
    return change;
  }

  boost::json::object apply(System& system, const State&) const override {
    const auto pipe = system.connect_pipe();
    telling_failures(*pipe, [&] { send_tree(system, *pipe, order_); });
    return {};
  }

  void verify(System&, const State&, const boost::json::object&) const override {}
  void undo(System&, const State&) const override {}

 private:
  RsyncOrder order_;
  std::string target_;
};

class RsyncTarget : public Action {
 public:
  explicit RsyncTarget(const boost::json::object& params)
      : order_(order_of(params)), source_(host_of(params, "from") + ":" + order_.from) {}

  State probe(System& system) const override {
    require_rsync(system);
    return {{tree_key(order_.to), tree_fingerprint(system, real_path(system, order_.to))}};
  }

  /// `after` stays empty: only the source knows what will be here.
  Change plan(const State& state) const override {
    const auto& now = state.at(tree_key(order_.to));
    Change change;
    change.mark = now.is_null() || is_empty(now) ? '+' : '~';
    change.summary = fmt::format("{} will be made equal to {}", order_.to, source_);
    change.undo = now.is_null() ? "remove " + order_.to : "put the tree back as it was";
    if (change.mark == '~') {
      const auto& tree = now.as_object();
      change.details.push_back(fmt::format("{} files, {} bytes are there now; a copy of them is set aside first",
                                           tree.at("files").to_number<std::uint64_t>(),
                                           tree.at("bytes").to_number<std::uint64_t>()));
      change.details.push_back(order_.remove ? "what the source does not have is deleted"
                                             : "what the source does not have is kept");
    }
    for (const auto& pattern : order_.exclude) change.details.push_back("without " + pattern);
    if (order_.bytes_per_second > 0)
      change.details.push_back(fmt::format("at most {} bytes/s", order_.bytes_per_second));
    return change;
  }

  boost::json::object apply(System& system, const State& before) const override {
    RsyncOrder order = order_;
    order.to = real_path(system, order_.to);
    const std::string folder = order.to.substr(0, std::max<std::size_t>(order.to.rfind('/'), 1));
    if (!system.status(folder))
      throw Failure(fmt::format("{} cannot be made: the directory {} does not exist.", order.to, folder));
    if (!before.at(tree_key(order_.to)).is_null()) copy_tree_aside(system, order.to, aside(system, order.to));
    const auto pipe = system.accept_pipe();
    return telling_failures(*pipe, [&] { return receive_tree(system, *pipe, order); });
  }

  void verify(System& system, const State& before, const boost::json::object& outputs) const override {
    const TreeSize found = tree_size(system, real_path(system, order_.to));
    const auto files = outputs.at("files").to_number<std::uint64_t>(),
               bytes = outputs.at("bytes").to_number<std::uint64_t>();
    if (outputs.at("source_changed").as_bool()) {
      system.log("The source changed while it was read: files and bytes are not compared.");
      return;
    }
    const auto& was = before.at(tree_key(order_.to));
    const bool nothing_else = was.is_null() || is_empty(was) || (order_.remove && order_.exclude.empty());
    const bool equal = nothing_else ? found.files == files && found.bytes == bytes : found.files >= files;
    if (equal) return;
    throw Failure(fmt::format("{} has {} files, {} bytes; {} has {} files, {} bytes.", order_.to, found.files,
                              found.bytes, source_, files, bytes));
  }

  void undo(System& system, const State& before) const override {
    const std::string path = real_path(system, order_.to);
    put_tree_back(system, path, aside(system, path), !before.at(tree_key(order_.to)).is_null());
  }

 private:
  static bool is_empty(const boost::json::value& tree) {
    return tree.as_object().at("files").to_number<std::uint64_t>() == 0;
  }
  static std::string aside(System& system, const std::string& path) { return path + ".before_" + step_mark(system); }

  RsyncOrder order_;
  std::string source_;
};

}  // namespace

std::vector<ActionSchema> rsync_schemas() {
  return {
      {.name = "rsync",
       .summary =
           "copies a tree of files from one host to another: modes, owners, hard links, ACLs, extended attributes",
       .placement = Placement::from_to,
       .effect = Effect::changes,
       .fields = {{"from", FieldType::host_path, true,
                   "the tree; with a final slash its content, without one the directory itself"},
                  {"to", FieldType::host_path, true, "where it goes; its parent directory must be there"},
                  {"delete", FieldType::boolean, false, "delete at the target what the source does not have"},
                  {"exclude", FieldType::texts, false, "rsync's patterns of what to leave out, and alone"},
                  {"bandwidth", FieldType::size, false, "at most so much a second"},
                  {"checksum", FieldType::boolean, false, "compare contents, not size and time only"}},
       .shorthand = "",
       .exactly_one_of = {},
       .undo = "puts the target's tree back as it was: a copy of it is set aside before the first change",
       .example = "rsync: { from: \"old:/var/lib/libravatar/\", to: \"new:/var/lib/libravatar/\", bandwidth: 20M }\n"}};
}

std::unique_ptr<Action> make_rsync(std::string_view, const boost::json::object& params, const std::string& role) {
  if (role == "source") return std::make_unique<RsyncSource>(params);
  return std::make_unique<RsyncTarget>(params);
}

}  // namespace migrate
