#include "tests/bench/resume.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/pair.h"
#include "tests/bench/returning.h"

namespace atrium::bench {
namespace {

constexpr double kMessagesPerSecond = 1000;  // of the pair
constexpr double kMiB = 1 << 20;

struct Storm {
  double seconds = 0;       // until the last client had all
  double cpu_seconds = 0;   // of the server, to the end of what it told them
  double peak_mib = 0;      // resident
  double settled_mib = 0;   // afterwards
  double quiet_p99_ms = 0;  // of a pair elsewhere
  double p99_ms = 0;
};

// The pair chats for a time of quiet, and then from before `prepare` on; time and CPU are those of `come`.
Storm Measure(const ChildProcess& server, Returning& clients, absl::Duration quiet,
              const std::function<void()>& prepare, const std::function<void()>& come) {
  Storm storm;
  Pair pair(server, kMessagesPerSecond);
  storm.quiet_p99_ms = pair.P99(quiet) / 1000;
  server.ForgetPeak();
  absl::Duration cpu;
  const double p99_us = pair.P99While([&] {
    prepare();
    const absl::Time start = absl::Now();
    cpu = server.CpuTime();
    come();
    storm.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  });
  storm.p99_ms = p99_us / 1000;
  clients.WaitForQuiet();
  storm.cpu_seconds = absl::ToDoubleSeconds(server.CpuTime() - cpu);
  storm.settled_mib = static_cast<double>(server.ResidentBytes()) / kMiB;
  storm.peak_mib = static_cast<double>(server.PeakResidentBytes()) / kMiB;
  return storm;
}

class StormFigures {
 public:
  explicit StormFigures(const std::string& what)
      : seconds_("seconds until the last of " + what),
        cpu_("CPU seconds for " + what),
        memory_("MiB at most, while " + what),
        p99_("p99 ms of a pair, while " + what) {}

  void Add(const Storm& storm, const Storm& limit, double memory_limit_mib) {
    seconds_.Add(storm.seconds, limit.seconds);
    cpu_.Add(storm.cpu_seconds, limit.cpu_seconds);
    memory_.Add(storm.peak_mib, memory_limit_mib);
    p99_.Add(storm.p99_ms, storm.quiet_p99_ms);
  }
  void MoveTo(std::vector<Figure>& figures) {
    for (Figure* figure : {&seconds_, &cpu_, &memory_, &p99_}) figures.push_back(std::move(*figure));
  }

 private:
  Figure seconds_, cpu_, memory_, p99_;
};

}  // namespace

std::vector<Figure> MeasureResume(Loop& loop, const std::function<std::unique_ptr<ChildProcess>()>& start,
                                  const ResumeOptions& options) {
  StormFigures resumes(absl::StrCat(options.clients, " resumes"));
  StormFigures joins(absl::StrCat(options.clients, " joins after a restart"));
  for (int round = 0; round < options.rounds; ++round) {
    Returning clients(loop, options.clients, options.members);
    std::unique_ptr<ChildProcess> server = start();
    const Storm first = Measure(
        *server, clients, options.quiet, [] {}, [&] { clients.Join(*server); });
    clients.Emit(*server, options.missed);
    clients.WaitForQuiet();
    const auto cut = [&] {
      clients.Cut();
      clients.Emit(*server, options.missed);
    };
    const Storm resume = Measure(*server, clients, options.quiet, cut, [&] { clients.Resume(*server); });
    resumes.Add(resume, first, first.settled_mib);
    clients.Cut();
    server->Kill();
    server = start();
    const Storm again = Measure(
        *server, clients, options.quiet, [] {}, [&] { clients.Join(*server); });
    joins.Add(again, first, again.settled_mib);
  }
  std::vector<Figure> figures;
  resumes.MoveTo(figures);
  joins.MoveTo(figures);
  return figures;
}

}  // namespace atrium::bench
