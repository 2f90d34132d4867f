#include "runner/fleet.h"

#include "runner/jobserver/job_client.h"
#include "runner/jobserver/server.h"
#include "runner/local_agent.h"
#include "runner/ssh/bundle.h"
#include "runner/ssh/ssh_agent.h"

#include <boost/asio/post.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace migrate {
namespace {

bool somebody_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  const bool refused = !connected && errno == ECONNREFUSED;
  ::close(fd);
  return !refused;
}

/// What controllers left that were killed: folders with a socket of our name where nobody listens any more.
void remove_dead_folders(const std::string& base) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(base, ignored)) {
    const std::string socket = entry.path().string() + "/jobs.sock";
    if (!entry.path().filename().string().starts_with("migrate-") || !std::filesystem::is_socket(socket, ignored))
      continue;
    if (somebody_listens(socket)) continue;
    std::filesystem::remove(socket, ignored);
    std::filesystem::remove(entry.path(), ignored);
  }
}

std::string runtime_folder() {
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = xdg && *xdg && std::filesystem::is_directory(xdg) ? xdg : "/tmp";
  remove_dead_folders(base);
  std::string folder = base + "/migrate-XXXXXX";
  if (!::mkdtemp(folder.data()))
    throw std::runtime_error("cannot make a folder in " + base + " for the job server's socket");
  return folder;
}

std::string secret_value(const Secret& secret) {
  if (!secret.environment.empty()) {
    const char* value = std::getenv(secret.environment.c_str());
    if (!value)
      throw std::runtime_error("secret " + secret.name + ": the variable " + secret.environment + " is not set");
    return value;
  }
  std::ifstream file(secret.file);
  if (!file) throw std::runtime_error("secret " + secret.name + ": cannot read " + secret.file);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::set<std::string> hosts_of(const Plan& plan) {
  std::set<std::string> hosts;
  const auto add = [&](const std::vector<Seat>& seats) {
    for (const Seat& seat : seats) hosts.insert(seat.host);
  };
  for (const Step& step : plan.steps) {
    add(step.seats);
    add(step.undo.seats);
    for (const Check& check : step.verify) add(check.seats);
  }
  return hosts;
}

struct Fleet::Machinery {
  boost::asio::io_context& loop;
  const Plan& plan;
  FleetOptions options;
  Callbacks callbacks;
  std::string folder;
  JobServer server;
  std::unique_ptr<JobClient> client;
  std::map<std::string, std::unique_ptr<SshAgent>> agents;
  std::set<std::string> coming;  // not yet heard of
  std::map<std::string, std::string> failures;
  std::map<std::string, std::string> gone;                    // lost after having been up
  std::map<std::string, std::map<std::string, Job>> running;  // host -> unique -> job

  Machinery(boost::asio::io_context& io, const Plan& of, FleetOptions with, Callbacks call)
      : loop(io),
        plan(of),
        options(std::move(with)),
        callbacks(std::move(call)),
        folder(runtime_folder()),
        server(io, {}) {
    server.listen_unix(socket());
    client = std::make_unique<JobClient>(io, socket());
  }
  ~Machinery() {
    agents.clear();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string socket() const { return folder + "/jobs.sock"; }

  void heard_of(const std::string& host, std::string failure) {
    if (coming.erase(host) == 0) return;
    if (!failure.empty()) failures[host] = gone[host] = std::move(failure);
    if (coming.empty()) callbacks.up(failures);
  }

  void ended(const std::string& host, const std::string& why) {
    if (coming.contains(host)) return heard_of(host, why);
    gone[host] = why;
    callbacks.lost(host, why);
    auto jobs = std::move(running[host]);
    running[host].clear();
    for (auto& [unique, job] : jobs) {
      Outcome outcome;
      outcome.kind = Outcome::Kind::lost;
      outcome.error = why;
      callbacks.outcome(job, outcome);
    }
  }

  void start_local(const Host& host) {
    boost::asio::post(loop, [this, &host] {
      try {
        // its own user's agent keeps its ledger with the controller's journal; root's where root's agents keep theirs
        server.adopt(start_local_agent(host, host.become.empty() ? options.state_folder + "/agent" : ""),
                     [this, name = host.name] { ended(name, "the local agent of host " + name + " has ended"); });
        callbacks.progress(host.name, "ready");
        heard_of(host.name, "");
      } catch (const std::exception& error) {
        heard_of(host.name, error.what());
      }
    });
  }

  void start_ssh(const Host& host, const Bundle& bundle) {
    SshAgentOptions with;
    with.host = host;
    with.server_socket = socket();
    with.bundle = bundle.path;
    with.bundle_digest = bundle.digest;
    const std::string name = host.name;
    SshAgent::Callbacks call;
    call.ready = [this, name] {
      boost::asio::post(loop, [this, name] {
        callbacks.progress(name, "ready");
        heard_of(name, "");
      });
    };
    call.ended = [this, name](std::string why) {
      boost::asio::post(loop, [this, name, why = std::move(why)] { ended(name, why); });
    };
    call.progress = [this, name](std::string what) {
      boost::asio::post(loop, [this, name, what = std::move(what)] { callbacks.progress(name, what); });
    };
    agents[name] = std::make_unique<SshAgent>(std::move(with), std::move(call));
  }

  void put_secrets_in(Job& job) const {
    for (auto& [key, value] : job.params) {
      if (!value.is_object() || !value.as_object().contains("$secret")) continue;
      const std::string name(value.as_object().at("$secret").as_string());
      const std::string secret = secret_value(plan.secrets.at(name));
      job.masked.push_back(secret);
      value = secret;
    }
  }

  void settle(const std::string& host, const std::string& unique, const Outcome& outcome) {
    auto& jobs = running[host];
    const auto found = jobs.find(unique);
    if (found == jobs.end()) return;  // declared lost before
    const Job job = std::move(found->second);
    jobs.erase(found);
    callbacks.outcome(job, outcome);
  }

  void later(const Job& job, Outcome::Kind kind, const std::string& error) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.error = error;
    boost::asio::post(loop, [this, host = job.host, unique = job.unique(), outcome] { settle(host, unique, outcome); });
  }
};

Fleet::Fleet(boost::asio::io_context& loop, const Plan& plan, FleetOptions options, Callbacks callbacks)
    : machinery_(std::make_unique<Machinery>(loop, plan, std::move(options), std::move(callbacks))) {}

Fleet::~Fleet() = default;

void Fleet::bring_up(const std::set<std::string>& hosts) {
  Machinery& m = *machinery_;
  m.coming = hosts;
  if (hosts.empty()) {
    boost::asio::post(m.loop, [&m] { m.callbacks.up({}); });
    return;
  }
  bool any_ssh = false;
  for (const std::string& name : hosts) any_ssh = any_ssh || !m.plan.hosts.at(name).local;
  const Bundle bundle = any_ssh ? make_bundle(m.options.state_folder + "/cache") : Bundle{};
  for (const std::string& name : hosts) {
    const Host& host = m.plan.hosts.at(name);
    if (host.local) {
      m.start_local(host);
    } else {
      m.start_ssh(host, bundle);
    }
  }
}

void Fleet::submit(Job job) {
  Machinery& m = *machinery_;
  const std::string host = job.host, unique = job.unique();
  m.running[host][unique] = job;
  if (auto gone = m.gone.find(host); gone != m.gone.end()) {
    const std::string why = "host " + host + " is not reachable any more: " + gone->second;
    return m.later(job, Outcome::Kind::failed, why);
  }
  try {
    m.put_secrets_in(job);
  } catch (const std::exception& error) {
    return m.later(job, Outcome::Kind::failed, error.what());
  }
  JobClient::Handlers handlers;
  handlers.on_data = [&m, host, unique](std::string_view data) {
    const auto found = m.running[host].find(unique);
    if (found == m.running[host].end()) return;
    try {
      m.callbacks.message(found->second, message_from_payload(data));
    } catch (const std::exception& error) {
      m.callbacks.progress(host, std::string("sent a message that makes no sense: ") + error.what());
    }
  };
  handlers.on_end = [&m, host, unique](const JobClient::End& end) {
    Outcome outcome;
    try {
      outcome = outcome_from_payload(end.data);
    } catch (const std::exception& error) {
      outcome.kind = Outcome::Kind::lost;
      outcome.error = end.data.empty() ? "the agent on " + host + " vanished while the job ran"
                                       : std::string("the agent's answer makes no sense: ") + error.what();
    }
    m.settle(host, unique, outcome);
  };
  m.client->submit(job.function(), unique, to_payload(job), std::move(handlers));
}

}  // namespace migrate
