#include "tests/bench/cores.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/rounds.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kWarmUp = absl::Milliseconds(200);

}  // namespace

std::vector<Figure> MeasureCores(Loop& loop, const ChildProcess& one_shard, const ChildProcess& two_shards,
                                 const Shape& shape, int rounds, absl::Duration slice) {
  const std::string name = absl::StrCat(", 2 shards, ", ShapeName(shape));
  Figure capacity("deliveries per busiest CPU second" + name);
  Figure cost("CPU us per delivery" + name);
  Crowd on_one(loop, one_shard, one_shard.Port("http"), Opening::kWebSocket, shape);
  Crowd on_two(loop, two_shards, two_shards.Port("http"), Opening::kWebSocket, shape);
  for (Crowd* const crowd : {&on_one, &on_two}) {
    crowd->Open();
    crowd->RunClosedLoop(kWarmUp);
  }
  Throughput of_one;
  Throughput of_two;
  Alternate(
      rounds, [&] { of_two = on_two.RunClosedLoop(slice); }, [&] { of_one = on_one.RunClosedLoop(slice); },
      [&] {
        capacity.Add(of_two.PerBusiestSecond(), of_one.PerBusiestSecond());
        cost.Add(of_two.CpuMicroseconds(), of_one.CpuMicroseconds());
      });
  std::vector<Figure> figures;
  figures.push_back(std::move(capacity));
  figures.push_back(std::move(cost));
  return figures;
}

}  // namespace atrium::bench
