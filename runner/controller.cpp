#include "runner/controller.h"

#include "runner/fleet.h"
#include "runner/journal/output_log.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pwd.h>
#include <unistd.h>

#include <csignal>

namespace migrate {
namespace {

constexpr auto picture_every = std::chrono::milliseconds(200);

Time now() { return std::chrono::system_clock::now(); }

std::vector<std::string> names(const std::set<std::string>& hosts) { return {hosts.begin(), hosts.end()}; }

/// One sentence for each host that could not be brought up.
void show_failures(Report& report, const std::map<std::string, std::string>& failures) {
  for (const auto& [host, why] : failures) report.notice("x " + why);
}

}  // namespace

std::string operator_name() {
  char machine[256] = {};
  ::gethostname(machine, sizeof machine - 1);
  const passwd* user = ::getpwuid(::getuid());
  return std::string(user ? user->pw_name : std::to_string(::getuid())) + "@" + machine;
}

struct Controller::Loop {
  boost::asio::io_context io{1};
  const Plan& plan;
  std::string run;
  Journal& journal;
  Report& report;
  Ask ask;
  ControllerOptions options;
  RunLock lock;
  OutputLog log;
  Engine engine;
  RunState shown;  // as far as the report has been told: a turn may hold a failure and the beginning of its undoing
  Fleet fleet;
  boost::asio::steady_timer deadline{io};
  boost::asio::steady_timer picture{io};
  boost::asio::signal_set signals{io, SIGINT, SIGTERM};
  std::function<EngineTurn()> begin;
  bool backward = false;
  int interrupts = 0;
  int exit = 0;

  Loop(const Plan& of, std::string id, Journal& in, Report& to, Ask asking, ControllerOptions with)
      : plan(of),
        run(std::move(id)),
        journal(in),
        report(to),
        ask(std::move(asking)),
        options(std::move(with)),
        lock(options.state_folder, run),
        log(options.state_folder, run),
        engine(plan, {.run = run, .step_by_step = options.step_by_step}, journal.records(run)),
        shown(engine.state()),
        fleet(io, plan, {.state_folder = options.state_folder}, callbacks()) {}

  Fleet::Callbacks callbacks() {
    Fleet::Callbacks call;
    call.up = [this](const std::map<std::string, std::string>& failures) { on_up(failures); };
    call.progress = [this](const std::string& host, const std::string& what) { report.agent(host, what); };
    call.message = [this](const Job& job, const JobMessage& message) { on_message(job, message); };
    call.outcome = [this](const Job& job, const Outcome& outcome) {
      perform(engine.on_outcome(now(), job.unique(), outcome));
    };
    call.lost = [this](const std::string& host, const std::string& why) {
      report.notice("x the agent on " + host + " is gone: " + why);
    };
    return call;
  }

  int carry(std::function<EngineTurn()> first, const std::set<std::string>& hosts) {
    begin = std::move(first);
    report.agents_begin(names(hosts));
    wait_for_signal();
    fleet.bring_up(hosts);
    tick();
    io.run();
    return exit;
  }

  void on_up(const std::map<std::string, std::string>& failures) {
    show_failures(report, failures);
    // Going back, the hosts that are there are helped at once; what is due on the others stays owed.
    if (failures.empty() || backward) return perform(begin());
    stop({2, failures.size() == 1 ? "a host could not be reached; nothing was changed by this command"
                                  : "hosts could not be reached; nothing was changed by this command"});
  }

  void on_message(const Job& job, const JobMessage& message) {
    switch (message.kind) {
      case JobMessage::Kind::output:
        log.append(job.step, job.host, message.line);
        report.output(job.step, job.host, message.line);
        break;
      case JobMessage::Kind::offer:
        perform(engine.on_offer(now(), job.unique(), message.offer));
        break;
      case JobMessage::Kind::progress:
        report.progress(job.step, job.host, message.done, message.total);
        break;
    }
  }

  /// Written first, done second.
  void perform(EngineTurn turn) {
    journal.append(run, turn.records);
    for (const Record& record : turn.records) {
      shown.fold(record);
      report.record(record, shown);
    }
    for (Job& job : turn.jobs) {
      report.job(job);
      fleet.submit(std::move(job));
    }
    if (turn.finish) return stop(*turn.finish);
    for (const Question& question : turn.questions) put(question);
    wait_for_deadline();
  }

  void put(const Question& question) {
    report.question(true);
    const auto answer = [this, step = question.step](std::string choice) {
      boost::asio::post(io, [this, step, choice = std::move(choice)] {
        report.question(false);
        perform(engine.on_answer(now(), step, choice, operator_name()));
      });
    };
    if (ask) return ask(question, plan, engine.state(), answer);
    answer("pause");
  }

  void wait_for_deadline() {
    const auto next = engine.next_deadline();
    if (!next) return;
    // a system clock that jumps only makes this tick early or late by a second, never miss
    const auto wait = std::min<std::chrono::system_clock::duration>(*next - now(), std::chrono::seconds(1));
    deadline.expires_after(std::max<std::chrono::system_clock::duration>(wait, std::chrono::milliseconds(1)));
    deadline.async_wait([this](boost::system::error_code cancelled) {
      if (cancelled) return;
      perform(engine.on_tick(now()));
    });
  }

  void tick() {
    picture.expires_after(picture_every);
    picture.async_wait([this](boost::system::error_code cancelled) {
      if (cancelled) return;
      report.tick(now(), engine.state());
      tick();
    });
  }

  void wait_for_signal() {
    signals.async_wait([this](boost::system::error_code cancelled, int) {
      if (cancelled) return;
      if (++interrupts == 1) {
        report.notice(
            "Stopping after what runs now. Again: leave at once; jobs that run on the hosts come to their end there.");
        perform(engine.pause(now(), 130, "interrupted"));
        wait_for_signal();
      } else {
        stop({130, "interrupted; jobs that were running come to their end on the hosts"});
      }
    });
  }

  void stop(const Finish& finish) {
    exit = finish.exit;
    report.finish(finish, engine.state());
    io.stop();
  }
};

Controller::Controller(const Plan& plan, const std::string& run, Journal& journal, Report& report, Ask ask,
                       ControllerOptions options)
    : loop_(std::make_unique<Loop>(plan, run, journal, report, std::move(ask), std::move(options))) {}

Controller::~Controller() = default;

namespace {

std::set<std::string> hosts_to_undo(const Plan& plan, const RunState& state, const std::vector<int>& steps) {
  std::set<std::string> hosts;
  for (int index : steps) {
    const Step& step = plan.steps[static_cast<std::size_t>(index)];
    for (const SeatStatus& seat : state.step(index).seats) {
      const bool needs_a_job = step.undo.kind == Undo::Kind::native || seat.apply_open;
      if (seat.touched && needs_a_job) hosts.insert(seat.seat.host);
    }
    if (step.undo.kind != Undo::Kind::call) continue;
    for (const Seat& seat : step.undo.seats) hosts.insert(seat.host);
  }
  hosts.erase("");
  return hosts;
}

}  // namespace

int Controller::go_forward() {
  Loop& loop = *loop_;
  const std::vector<int> under_way = loop.engine.state().rollback_under_way();
  loop.backward = !under_way.empty();
  return loop.carry(
      [&loop, under_way] {
        loop.report.begin(loop.engine.state(), under_way);
        return loop.engine.start(now(), {{"operator", operator_name()}});
      },
      loop.backward ? hosts_to_undo(loop.plan, loop.engine.state(), under_way) : hosts_of(loop.plan));
}

int Controller::roll_back(const std::vector<int>& steps, int from, const std::string& why) {
  Loop& loop = *loop_;
  loop.backward = true;
  return loop.carry(
      [&loop, steps, from, why] {
        loop.report.begin(loop.engine.state(), steps);
        return loop.engine.start_rollback(now(), steps, from, why);
      },
      hosts_to_undo(loop.plan, loop.engine.state(), steps));
}

int dry_run(const Plan& plan, Report& report, const ControllerOptions& options) {
  boost::asio::io_context io{1};
  int exit = 0;
  DryRun preview(plan, "dry" + std::to_string(::getpid()));
  std::unique_ptr<Fleet> fleet;
  const auto done_if_complete = [&] {
    if (!preview.complete()) return;
    report.dry_run(preview.previews());
    io.stop();
  };
  Fleet::Callbacks call;
  call.up = [&](const std::map<std::string, std::string>& failures) {
    if (!failures.empty()) {
      show_failures(report, failures);
      report.notice("Nothing was changed.");
      exit = 2;
      return io.stop();
    }
    for (Job& job : preview.jobs()) fleet->submit(std::move(job));
    done_if_complete();
  };
  call.progress = [&](const std::string& host, const std::string& what) { report.agent(host, what); };
  call.message = [](const Job&, const JobMessage&) {};
  call.outcome = [&](const Job& job, const Outcome& outcome) {
    preview.on_outcome(job.unique(), outcome);
    done_if_complete();
  };
  call.lost = [](const std::string&, const std::string&) {};
  fleet = std::make_unique<Fleet>(io, plan, FleetOptions{.state_folder = options.state_folder}, call);
  report.agents_begin(names(hosts_of(plan)));
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code cancelled, int) {
    if (cancelled) return;
    exit = 130;
    io.stop();
  });
  fleet->bring_up(hosts_of(plan));
  io.run();
  return exit;
}

}  // namespace migrate
