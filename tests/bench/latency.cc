#include "tests/bench/latency.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/rounds.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kWarmUp = absl::Milliseconds(200);

std::vector<Figure> Measure(Crowd& atrium, Crowd& bare, const std::string& name, double rate, int rounds,
                            absl::Duration slice) {
  std::vector<Figure> figures = {Figure("p50 us, " + name), Figure("p99 us, " + name)};
  atrium.RunPaced(rate, kWarmUp);
  bare.RunPaced(rate, kWarmUp);
  std::vector<double> of_atrium;
  std::vector<double> of_bare;
  Alternate(
      rounds, [&] { of_atrium = atrium.RunPaced(rate, slice); }, [&] { of_bare = bare.RunPaced(rate, slice); },
      [&] {
        figures[0].Add(Percentile(of_atrium, 0.5), Percentile(of_bare, 0.5));
        figures[1].Add(Percentile(of_atrium, 0.99), Percentile(of_bare, 0.99));
      });
  return figures;
}

}  // namespace

std::vector<Figure> MeasureLatency(Loop& loop, const CrowdServers& servers, const Shape& shape,
                                   double deliveries_per_second, int rounds, absl::Duration slice) {
  const std::string name = absl::StrFormat("%s at %.0f deliveries/s", ShapeName(shape), deliveries_per_second);
  std::vector<Figure> figures;
  WithCrowds(loop, servers, shape, [&](Crowd& atrium, Crowd& bare) {
    figures = Measure(atrium, bare, name, deliveries_per_second, rounds, slice);
  });
  return figures;
}

std::vector<Figure> MeasureLatencyAtHalf(Loop& loop, const CrowdServers& servers, const Shape& shape, int rounds,
                                         absl::Duration slice, std::vector<std::string>& notes) {
  Shape one_at_a_time = shape;
  one_at_a_time.burst = 1;
  std::vector<Figure> figures;
  WithCrowds(loop, servers, one_at_a_time, [&](Crowd& atrium, Crowd& bare) {
    atrium.RunClosedLoop(kWarmUp);
    const double half = atrium.RunClosedLoop(slice).PerSecond() / 2;
    notes.push_back(absl::StrFormat("Half of saturation, %s: %.0f deliveries a second.", ShapeName(shape), half));
    figures = Measure(atrium, bare, absl::StrCat(ShapeName(shape), " at half of saturation"), half, rounds, slice);
  });
  return figures;
}

}  // namespace atrium::bench
