#include "tests/bench/durable.h"

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/bare_log.h"
#include "tests/bench/fanout.h"
#include "tests/bench/rounds.h"
#include "tests/bench/server_metrics.h"
#include "tests/bench/writers.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kWarmUp = absl::Milliseconds(200);
// What ephemeral rooms are measured with, and what is written beside them.
constexpr Shape kBystanders{.rooms = 100, .members = 10, .burst = 4};
constexpr double kBystanderDeliveriesPerSecond = 10'000;
constexpr double kEmitsPerSecond = 2'000;

// As many as there are writers.
std::vector<std::string> RoomPerWriter(const char* prefix, int writers) {
  std::vector<std::string> rooms;
  for (int i = 0; i < writers; ++i) rooms.push_back(absl::StrCat(prefix, i));
  return rooms;
}

// Of one record of a durable emit, as the log counts them.
size_t RecordBytes(const ChildProcess& server, Writers& writers) {
  const auto read = [&](const char* name) { return MetricOf(server, name); };
  const double bytes = read("atrium_log_bytes_total");
  const double records = read("atrium_log_records_total");
  writers.RunClosedLoop(absl::Milliseconds(20));
  return static_cast<size_t>((read("atrium_log_bytes_total") - bytes) / (read("atrium_log_records_total") - records));
}

class WriteFigures {
 public:
  explicit WriteFigures(const std::string& name)
      : p50_("p50 us of a durable emit, " + name),
        p99_("p99 us of a durable emit, " + name),
        rate_("durable emits per second, " + name) {}

  void Add(Writes& atrium, Writes& bare) {
    p50_.Add(Percentile(atrium.latencies_us, 0.5), Percentile(bare.latencies_us, 0.5));
    p99_.Add(Percentile(atrium.latencies_us, 0.99), Percentile(bare.latencies_us, 0.99));
    rate_.Add(atrium.PerSecond(), bare.PerSecond());
  }
  void MoveTo(std::vector<Figure>& figures) {
    for (Figure* figure : {&p50_, &p99_, &rate_}) figures.push_back(std::move(*figure));
  }

 private:
  Figure p50_, p99_, rate_;
};

// Emits into durable rooms, beside the same into rooms that are kept in memory only.
Figure MeasureCost(Loop& loop, const ChildProcess& server, const DurableOptions& options) {
  Figure cost(absl::StrCat("CPU us per durable emit, ", options.writers, " writers"));
  Writers durable(loop, server, RoomPerWriter("notes:cost-", options.writers));
  Writers ephemeral(loop, server, RoomPerWriter("bench-cost-", options.writers));
  const auto run = [&](Writers& writers) {
    const absl::Duration before = server.CpuTime();
    const Writes writes = writers.RunClosedLoop(options.slice);
    return absl::ToDoubleMicroseconds(server.CpuTime() - before) / static_cast<double>(writes.latencies_us.size());
  };
  double of_durable = 0;
  double of_ephemeral = 0;
  Alternate(
      options.rounds, [&] { of_durable = run(durable); }, [&] { of_ephemeral = run(ephemeral); },
      [&] { cost.Add(of_durable, of_ephemeral); });
  return cost;
}

// Runs `measure` while `writers` write at an even pace on a thread of their own.
template <typename Measure>
auto Beside(Writers& writers, Measure measure) {
  std::atomic<bool> goes_on{true};
  std::thread writing([&] { writers.RunPaced(kEmitsPerSecond, [&] { return goes_on.load(); }); });
  auto result = measure();
  goes_on = false;
  writing.join();
  return result;
}

void MeasureBystanders(Loop& loop, const ChildProcess& server, const DurableOptions& options, const Shape& shape,
                       std::vector<Figure>& figures) {
  const std::string name = absl::StrFormat("%s beside %.0f writes/s", ShapeName(shape), kEmitsPerSecond);
  Figure p50("p50 us, " + name);
  Figure p99("p99 us, " + name);
  Figure rate("deliveries per CPU second, " + name);
  Crowd crowd(loop, server, server.Port("http"), Opening::kWebSocket, shape);
  crowd.Open();
  Loop write_loop;
  Writers durable(write_loop, server, RoomPerWriter("notes:beside-", options.writers));
  Writers ephemeral(write_loop, server, RoomPerWriter("bench-beside-", options.writers));
  const auto latencies = [&](Writers& writers) {
    return Beside(writers, [&] { return crowd.RunPaced(kBystanderDeliveriesPerSecond, options.slice); });
  };
  const auto throughput = [&](Writers& writers) {
    return Beside(writers, [&] { return crowd.RunClosedLoop(options.slice).PerCpuSecond(); });
  };
  std::vector<double> beside_durable;
  std::vector<double> beside_ephemeral;
  double rate_beside_durable = 0;
  double rate_beside_ephemeral = 0;
  latencies(durable);
  latencies(ephemeral);
  Alternate(
      options.rounds,
      [&] {
        beside_durable = latencies(durable);
        rate_beside_durable = throughput(durable);
      },
      [&] {
        beside_ephemeral = latencies(ephemeral);
        rate_beside_ephemeral = throughput(ephemeral);
      },
      [&] {
        p50.Add(Percentile(beside_durable, 0.5), Percentile(beside_ephemeral, 0.5));
        p99.Add(Percentile(beside_durable, 0.99), Percentile(beside_ephemeral, 0.99));
        rate.Add(rate_beside_durable, rate_beside_ephemeral);
      });
  for (Figure* figure : {&p50, &p99, &rate}) figures.push_back(std::move(*figure));
}

}  // namespace

std::vector<Figure> MeasureDurable(Loop& loop, const ChildProcess& server, const DurableOptions& options,
                                   std::vector<std::string>& notes) {
  std::vector<Figure> figures;
  BareLog bare(options.directory);
  size_t bytes = 0;
  const auto measure = [&](const std::string& name, const std::vector<std::string>& rooms) {
    Writers writers(loop, server, rooms);
    if (bytes == 0) bytes = RecordBytes(server, writers);
    const int threads = static_cast<int>(rooms.size());
    writers.RunClosedLoop(kWarmUp);
    bare.Run(threads, bytes, kWarmUp);
    WriteFigures of_writers(name);
    Writes of_atrium;
    Writes of_bare;
    Alternate(
        options.rounds, [&] { of_atrium = writers.RunClosedLoop(options.slice); },
        [&] { of_bare = bare.Run(threads, bytes, options.slice); }, [&] { of_writers.Add(of_atrium, of_bare); });
    of_writers.MoveTo(figures);
  };
  const std::string many = absl::StrCat(options.writers, " writers");
  measure("1 writer", {"notes:alone"});
  measure(many + ", each in a room", RoomPerWriter("notes:own-", options.writers));
  measure(many + ", all in one", std::vector<std::string>(options.writers, "notes:shared"));
  notes.push_back(absl::StrCat("A durable emit was a record of ", bytes, " bytes."));
  figures.push_back(MeasureCost(loop, server, options));
  Shape bystanders = kBystanders;
  if (options.writers < bystanders.rooms) bystanders.rooms = options.writers;
  MeasureBystanders(loop, server, options, bystanders, figures);
  return figures;
}

}  // namespace atrium::bench
