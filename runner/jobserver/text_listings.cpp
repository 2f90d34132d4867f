#include "runner/jobserver/text_listings.h"

#include "runner/jobserver/printable.h"

#include <fmt/format.h>

#include <iterator>

namespace migrate {

std::string list_status(const Queue& queue) {
  std::string out;
  for (const auto& [name, function] : queue.functions())
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\n", listed(name, true), function->job_count(),
                   function->running, function->workers);
  return out + ".\n";
}

std::string list_priority_status(const Queue& queue) {
  std::string out;
  for (const auto& [name, function] : queue.functions())
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\n", listed(name, true), function->waiting[0].size(),
                   function->waiting[1].size(), function->waiting[2].size(), function->workers);
  return out + ".\n";
}

std::string list_workers(const Queue& queue) {
  std::string out;
  for (const auto& [id, peer] : queue.peers()) {
    fmt::format_to(std::back_inserter(out), "{} {} {} :", peer->descriptor, peer->address, listed(peer->client_id));
    // The newest first, as gearmand lists them.
    for (auto ability = peer->abilities.rbegin(); ability != peer->abilities.rend(); ++ability)
      out += " " + listed(ability->function->name);
    out += "\n";
  }
  return out + ".\n";
}

std::string list_jobs(const Queue& queue) {
  std::string out;
  for (const auto& [number, job] : queue.jobs()) {
    const int retries = job->running() ? job->tries - 1 : job->tries;
    fmt::format_to(std::back_inserter(out), "{}\t{}\t0\t{}\n", job->handle, retries, job->background ? 1 : 0);
  }
  return out + ".\n";
}

std::string list_unique_jobs(const Queue& queue) {
  std::string out;
  for (const auto& [number, job] : queue.jobs()) out += listed(job->unique, true) + "\n";
  return out + ".\n";
}

}  // namespace migrate
