#include "runner/wire/job.h"

#include "runner/wire/fields.h"
#include "runner/wire/pipe_offer.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

namespace migrate {
namespace {

constexpr std::array<std::pair<Verb, std::string_view>, 4> verbs{{
    {Verb::probe, "probe"},
    {Verb::apply, "apply"},
    {Verb::verify, "verify"},
    {Verb::undo, "undo"},
}};

constexpr std::size_t unique_digits = 40;  // Gearman allows 63 bytes

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL cannot compute a SHA-256 digest");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string text_not_empty(const Fields& fields, std::string_view name) {
  std::string text = fields.text(name);
  if (text.empty()) throw std::runtime_error(fmt::format("a job's field \"{}\" is empty", name));
  return text;
}

void check_version(const Fields& fields) {
  const std::int64_t version = fields.number("version", 0, std::numeric_limits<int>::max());
  if (version != job_version)
    throw std::runtime_error(
        fmt::format("the job is of version {}, and this program understands version {}: the "
                    "controller and the agent are of different releases",
                    version, job_version));
}

}  // namespace

std::string_view to_text(Verb verb) {
  for (const auto& [known, text] : verbs)
    if (known == verb) return text;
  throw std::logic_error(fmt::format("verb {} has no name", static_cast<int>(verb)));
}

Verb verb_from_text(std::string_view text) {
  for (const auto& [verb, known] : verbs)
    if (known == text) return verb;
  throw std::runtime_error(fmt::format("\"{}\" is no verb: probe, apply, verify and undo are", text));
}

std::string Job::unique() const {
  // A NUL between the fields: none of them can hold one, so no two jobs share a text.
  const std::string text = fmt::format("{}{}{}{}{}{}{}{}{}{}{}", run, '\0', step, '\0', host, '\0', role, '\0',
                                       to_text(verb), '\0', attempt);
  return sha256_hex(text).substr(0, unique_digits);
}

std::string Job::function() const { return "migrate@" + host; }

std::string to_payload(const Job& job) {
  boost::json::object object{
      {"version", job_version}, {"run", job.run},         {"step", job.step},
      {"host", job.host},       {"role", job.role},       {"verb", to_text(job.verb)},
      {"attempt", job.attempt}, {"action", job.action},   {"params", job.params},
      {"before", job.before},   {"outputs", job.outputs}, {"timeout_ms", job.timeout.count()},
  };
  if (job.pipe) object["pipe"] = to_json(*job.pipe);
  if (job.settle) object["settle"] = true;
  if (job.then_verify) object["then_verify"] = true;
  if (!job.masked.empty()) object["masked"] = boost::json::array(job.masked.begin(), job.masked.end());
  return boost::json::serialize(object);
}

Job job_from_payload(std::string_view payload) {
  const Fields fields(payload, "a job");
  check_version(fields);
  Job job;
  job.run = text_not_empty(fields, "run");
  job.step = text_not_empty(fields, "step");
  job.host = text_not_empty(fields, "host");
  job.role = fields.text("role");
  job.verb = verb_from_text(fields.text("verb"));
  job.attempt = static_cast<int>(fields.number("attempt", 1, std::numeric_limits<int>::max()));
  job.action = text_not_empty(fields, "action");
  job.params = fields.object("params");
  job.before = fields.object_or_empty("before");
  job.outputs = fields.object_or_empty("outputs");
  job.timeout = std::chrono::milliseconds(fields.number("timeout_ms", 1, std::numeric_limits<std::int64_t>::max()));
  if (fields.has("pipe")) job.pipe = pipe_offer_from_json(fields.object("pipe"));
  job.settle = fields.flag_or("settle", false);
  job.then_verify = fields.flag_or("then_verify", false);
  job.masked = fields.texts_or_empty("masked");
  return job;
}

}  // namespace migrate
