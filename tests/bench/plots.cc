#include "tests/bench/plots.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/str_format.h"
#include "tests/bench/check.h"
#include "tests/bench/plot.h"
#include "tests/bench/rounds.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kWarmUp = absl::Milliseconds(200);
constexpr char kAtriumColor[] = "#1f83d8";
constexpr char kBareColor[] = "#d9742b";
constexpr int kRoomOfPlot = 10;
constexpr double kRates[] = {2'500, 5'000, 10'000, 20'000, 30'000, 40'000, 50'000, 60'000, 80'000, 100'000};
// More is no longer a load that is borne.
constexpr double kMostLatencyUs = 50'000;

void Write(const std::string& path, const Plot& plot) {
  std::ofstream file(path);
  file << ToSvg(plot) << std::flush;
  if (!file.good()) Fail("cannot write " + path);
  std::cout << "wrote " << path << "\n";
}

// The median latencies of one server at each rate, up to the first that it does not bear.
class Latencies {
 public:
  Latencies(const std::string& name, const char* color)
      : p50_{.name = name + " p50", .color = color, .dashed = true}, p99_{.name = name + " p99", .color = color} {}

  bool borne() const { return p99_.points.empty() || p99_.points.back().second < kMostLatencyUs; }
  void Add(std::vector<double> latencies_us) {
    p50s_.push_back(Percentile(latencies_us, 0.5));
    p99s_.push_back(Percentile(latencies_us, 0.99));
  }
  void EndRate(double rate) {
    p50_.points.emplace_back(rate, Median(std::exchange(p50s_, {})));
    p99_.points.emplace_back(rate, Median(std::exchange(p99s_, {})));
  }
  const Series& p50() const { return p50_; }
  const Series& p99() const { return p99_; }

 private:
  Series p50_;
  Series p99_;
  std::vector<double> p50s_;
  std::vector<double> p99s_;
};

void DrawLatency(Loop& loop, const CrowdServers& servers, const PlotsOptions& options) {
  const Shape shape{.rooms = std::max(1, options.sessions / kRoomOfPlot), .members = kRoomOfPlot, .burst = 1};
  Latencies of_atrium("Atrium", kAtriumColor);
  Latencies of_bare("bare loop", kBareColor);
  WithCrowds(loop, servers, shape, [&](Crowd& atrium, Crowd& bare) {
    for (const double rate : kRates) {
      if (!of_atrium.borne() || !of_bare.borne()) break;
      atrium.RunPaced(rate, kWarmUp);
      bare.RunPaced(rate, kWarmUp);
      Alternate(
          options.rounds, [&] { of_atrium.Add(atrium.RunPaced(rate, options.slice)); },
          [&] { of_bare.Add(bare.RunPaced(rate, options.slice)); }, [] {});
      of_atrium.EndRate(rate);
      of_bare.EndRate(rate);
    }
  });
  Write(options.directory + "/latency.svg",
        {.title = absl::StrFormat("Latency against offered load, %d rooms of %d, one publish at a time", shape.rooms,
                                  shape.members),
         .x = {.label = "deliveries per second", .scale = Axis::Scale::kLog},
         .y = {.label = "from due to delivered", .scale = Axis::Scale::kLog, .unit = Axis::Unit::kMicroseconds},
         .series = {of_atrium.p50(), of_atrium.p99(), of_bare.p50(), of_bare.p99()}});
}

void DrawThroughput(Loop& loop, const CrowdServers& servers, const PlotsOptions& options) {
  Series of_atrium{.name = "Atrium", .color = kAtriumColor};
  Series of_bare{.name = "bare loop", .color = kBareColor};
  std::vector<double> sizes;
  for (const int members : {2, 5, 10, 50, 100, 1000}) {
    if (members > options.sessions) break;
    sizes.push_back(members);
    const Shape shape{.rooms = options.sessions / members, .members = members, .burst = members == 2 ? 1 : 4};
    WithCrowds(loop, servers, shape, [&](Crowd& atrium, Crowd& bare) {
      atrium.RunClosedLoop(kWarmUp);
      bare.RunClosedLoop(kWarmUp);
      std::vector<double> atrium_rates;
      std::vector<double> bare_rates;
      Alternate(
          options.rounds, [&] { atrium_rates.push_back(atrium.RunClosedLoop(options.slice).PerCpuSecond()); },
          [&] { bare_rates.push_back(bare.RunClosedLoop(options.slice).PerCpuSecond()); }, [] {});
      of_atrium.points.emplace_back(members, Median(atrium_rates));
      of_bare.points.emplace_back(members, Median(bare_rates));
    });
  }
  Write(options.directory + "/throughput.svg",
        {.title = absl::StrFormat("Fan-out against members per room, %d members in all", options.sessions),
         .x = {.label = "members per room (bursts of 4 publishes, of 1 in rooms of two)",
               .scale = Axis::Scale::kLog,
               .ticks = sizes},
         .y = {.label = "deliveries per CPU second"},
         .series = {of_atrium, of_bare}});
}

}  // namespace

void DrawPlots(Loop& loop, const CrowdServers& servers, const PlotsOptions& options) {
  DrawLatency(loop, servers, options);
  DrawThroughput(loop, servers, options);
}

}  // namespace atrium::bench
