#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/bench/arrivals.h"
#include "tests/bench/attacks.h"
#include "tests/bench/bare_door.h"
#include "tests/bench/bare_sender.h"
#include "tests/bench/bare_streams.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"
#include "tests/bench/churn.h"
#include "tests/bench/client.h"
#include "tests/bench/cores.h"
#include "tests/bench/crowds.h"
#include "tests/bench/deflate.h"
#include "tests/bench/durable.h"
#include "tests/bench/fanout.h"
#include "tests/bench/idle.h"
#include "tests/bench/instructions.h"
#include "tests/bench/joins.h"
#include "tests/bench/latency.h"
#include "tests/bench/options.h"
#include "tests/bench/plots.h"
#include "tests/bench/resume.h"
#include "tests/bench/rooms.h"
#include "tests/bench/rounds.h"
#include "tests/bench/scratch_directory.h"
#include "tests/bench/serve_atrium.h"
#include "tests/bench/start.h"
#include "tests/bench/state.h"
#include "tests/bench/statistics.h"
#include "tests/bench/stream.h"
#include "tests/bench/streams.h"
#include "tests/bench/unary.h"

namespace atrium::bench {
namespace {

// This program serves as each limit, too, in a process of its own.
constexpr char kThisProgram[] = "/proc/self/exe";
constexpr char kServeBareSender[] = "--serve-bare-sender";
constexpr char kServeBareDoor[] = "--serve-bare-door";
constexpr char kServeUnaryEcho[] = "--serve-unary-echo";
constexpr char kServeStreamEcho[] = "--serve-stream-echo";
constexpr char kServeStreamFanOut[] = "--serve-stream-fan-out";
// And as Atrium with the rooms of the benchmark.
constexpr char kServeAtrium[] = "--serve-atrium";

// A first slice of each, which is not counted.
constexpr absl::Duration kWarmUp = absl::Milliseconds(200);
constexpr absl::Duration kSilenceGrace = absl::Seconds(5);

class Suite {
 public:
  explicit Suite(Options options) : options_(std::move(options)) {}

  void Run() {
    if (!options_.plots.empty()) return RunPlots();
    if (options_.instructions > 0) return RunInstructions();
    if (options_.Runs("fanout")) {
      for (const Shape& shape : options_.shapes) RunFanOut(shape);
    }
    if (options_.Runs("latency")) {
      for (const Shape& shape : options_.latency_shapes) RunLatency(shape);
    }
    if (options_.Runs("half")) {
      for (const Shape& shape : options_.shapes) RunHalf(shape);
    }
    if (options_.Runs("cores")) RunCores();
    if (options_.Runs("unary")) RunUnary();
    if (options_.Runs("stream")) RunStream();
    if (options_.Runs("streams")) RunStreams();
    if (options_.Runs("idle")) RunIdle();
    if (options_.Runs("silent")) RunSilent();
    if (options_.Runs("state")) RunState();
    if (options_.Runs("arrivals")) RunArrivals();
    if (options_.Runs("joins")) RunJoins();
    if (options_.Runs("rooms")) RunRooms();
    if (options_.Runs("churn")) RunChurn();
    if (options_.Runs("durable")) RunDurable();
    if (options_.Runs("start")) RunStart();
    if (options_.Runs("resume")) RunResume();
    if (options_.Runs("deflate")) RunDeflate();
    if (options_.Runs("attacks")) RunAttacks();
    std::cout << TableHead();
    for (const Figure& figure : figures_) std::cout << figure.Line();
    for (const std::string& note : notes_) std::cout << "\n" << note << "\n";
  }

 private:
  std::vector<std::string> AtriumCommand(std::vector<std::string> more = {}) const {
    return AtriumCommand(std::move(more), options_.shards);
  }
  std::vector<std::string> AtriumCommand(std::vector<std::string> more, int shards) const {
    return CommandOf({options_.atriumd}, std::move(more), shards);
  }
  // Atrium with the rooms of the benchmark.
  std::vector<std::string> BenchRoomsCommand(std::vector<std::string> more = {}) const {
    return CommandOf({kThisProgram, kServeAtrium}, std::move(more), options_.shards);
  }

  std::vector<std::string> CommandOf(std::vector<std::string> command, std::vector<std::string> more,
                                     int shards) const {
    const std::vector<std::string> flags = {
        "--dev", "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",       "--log-level",
        "error", "--session-rate", "0",           "--shards",       absl::StrCat(shards)};
    command.insert(command.end(), flags.begin(), flags.end());
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }

  void Say(const std::string& what) const { std::cerr << "measuring " << what << " ...\n"; }

  CrowdServers Servers() const {
    return {
        .atrium = [this] { return std::make_unique<ChildProcess>(AtriumCommand()); },
        .bare =
            [](const std::string& event) {
              return std::make_unique<ChildProcess>(std::vector<std::string>{kThisProgram, kServeBareSender, event});
            }};
  }

  void RunPlots() {
    Say("what the plots show");
    DrawPlots(loop_, Servers(),
              {.directory = options_.plots,
               .sessions = options_.plot_sessions,
               .rounds = options_.rounds,
               .slice = options_.slice});
  }

  // A guard for the tests: the one figure that repeats on a busy machine.
  void RunInstructions() {
    Say("instructions for a delivery");
    const std::string kept = options_.directory + "/atrium.callgrind";
    const int64_t count = InstructionsPerDelivery(loop_, AtriumCommand(), options_.directory, kept);
    const int64_t limit = options_.instructions + options_.instructions / 10;
    std::cout << absl::StrFormat("%d instructions for an emit and its delivery in rooms of two; %d are too many\n",
                                 count, limit + 1);
    if (count <= limit) return;
    Fail(
        absl::StrFormat("%d instructions are more than a tenth above %d. `callgrind_annotate %s` says what takes them. "
                        "Make that cheaper, or raise the number in tests/bench/CMakeLists.txt and say why.",
                        count, options_.instructions, kept));
  }

  void RunFanOut(const Shape& shape) {
    const std::string name = absl::StrCat("fan-out ", ShapeName(shape), ", deliveries per CPU second");
    Say(name);
    Figure figure(name);
    WithCrowds(loop_, Servers(), shape, [&](Crowd& atrium, Crowd& bare) {
      atrium.RunClosedLoop(kWarmUp);
      bare.RunClosedLoop(kWarmUp);
      double of_atrium = 0;
      double of_bare = 0;
      Alternate(
          options_.rounds, [&] { of_atrium = atrium.RunClosedLoop(options_.slice).PerCpuSecond(); },
          [&] { of_bare = bare.RunClosedLoop(options_.slice).PerCpuSecond(); },
          [&] { figure.Add(of_atrium, of_bare); });
    });
    figures_.push_back(std::move(figure));
  }

  void RunLatency(const Shape& shape) {
    Say("latency, " + ShapeName(shape));
    Add(MeasureLatency(loop_, Servers(), shape, options_.deliveries_per_second, options_.rounds, options_.slice));
  }

  void RunHalf(const Shape& shape) {
    Say("latency at half of saturation, " + ShapeName(shape));
    Add(MeasureLatencyAtHalf(loop_, Servers(), shape, options_.rounds, options_.slice, notes_));
  }

  void RunCores() {
    for (const Shape& shape : options_.shapes) {
      Say(absl::StrCat("two shards beside one, ", ShapeName(shape)));
      const ChildProcess one(AtriumCommand({}, 1));
      const ChildProcess two(AtriumCommand({}, 2));
      Add(MeasureCores(loop_, one, two, shape, options_.rounds, options_.slice));
    }
  }

  void RunUnary() {
    const std::string name = "unary Emit, gRPC, calls per CPU second";
    Say(name);
    Figure figure(name);
    const ChildProcess atriumd(AtriumCommand());
    const ChildProcess echo({kThisProgram, kServeUnaryEcho});
    UnaryLoad to_atrium(atriumd, /*create_room=*/true);
    UnaryLoad to_echo(echo, /*create_room=*/false);
    to_atrium.Run(kWarmUp);
    to_echo.Run(kWarmUp);
    double of_atrium = 0;
    double of_echo = 0;
    Alternate(
        options_.rounds, [&] { of_atrium = to_atrium.Run(options_.slice); },
        [&] { of_echo = to_echo.Run(options_.slice); }, [&] { figure.Add(of_atrium, of_echo); });
    figures_.push_back(std::move(figure));
  }

  void RunStream() {
    Say("emits over a gRPC stream");
    const ChildProcess atriumd(AtriumCommand());
    const ChildProcess echo({kThisProgram, kServeStreamEcho});
    Add(MeasureStream(atriumd, echo, options_.emits, options_.rounds, options_.slice));
  }

  void RunStreams() {
    Say("fan-out to gRPC streams");
    const auto start_atrium = [&] { return std::make_unique<ChildProcess>(AtriumCommand()); };
    const auto start_bare = [&](const std::string& event) {
      return std::make_unique<ChildProcess>(std::vector<std::string>{kThisProgram, kServeStreamFanOut, event});
    };
    Add(MeasureStreams(start_atrium, start_bare,
                       {.streams = options_.streams, .rounds = options_.rounds, .slice = options_.slice}, notes_));
  }

  void RunIdle() {
    const std::string name = absl::StrCat("RSS KiB per idle session, ", options_.connections, " of them");
    Say(name);
    const ChildProcess atriumd(AtriumCommand());
    const ChildProcess sender({kThisProgram, kServeBareSender, std::string(200, ' ') + std::string(kDataKey)});
    const double of_atrium =
        ResidentBytesPerSession(loop_, atriumd, atriumd.Port("http"), Opening::kWebSocket, options_.connections);
    const double of_bare =
        ResidentBytesPerSession(loop_, sender, sender.Port("tcp"), Opening::kGroup, options_.connections);
    Figure figure(name);
    figure.Add(of_atrium / 1024, of_bare / 1024);
    figures_.push_back(std::move(figure));
  }

  void RunSilent() {
    const std::string name = absl::StrCat("p99 us, a pair beside ", options_.connections, " silent connections");
    Say(name);
    const std::string timeout = absl::FormatDuration(options_.silence_timeout);
    const ChildProcess atriumd(AtriumCommand({"--hello-timeout", timeout, "--request-timeout", timeout}));
    const Silence silence = RunSilence(loop_, atriumd, options_.connections, options_.rounds * options_.slice,
                                       options_.silence_timeout + kSilenceGrace);
    Figure figure(name);
    figure.Add(silence.storm_p99_us, silence.quiet_p99_us);
    figures_.push_back(std::move(figure));
    notes_.push_back(absl::StrCat("Of ", options_.connections, " silent connections, ", silence.opened_at_once,
                                  " of them open at once, ", silence.cut, " were cut."));
  }

  void RunState() {
    Say("changes of state");
    const ChildProcess atrium(BenchRoomsCommand());
    const StateOptions options{.members = options_.members, .rounds = options_.rounds, .slice = options_.slice};
    Add(MeasureState(loop_, atrium, options, notes_));
  }

  void RunArrivals() {
    Say("arrivals");
    const ArrivalServers servers{
        .atrium = [this] { return std::make_unique<ChildProcess>(AtriumCommand()); },
        .bare =
            [](const DoorTexts& texts) {
              std::vector<std::string> command = {kThisProgram, kServeBareDoor, texts.welcome, texts.member};
              command.insert(command.end(), texts.joined.begin(), texts.joined.end());
              return std::make_unique<ChildProcess>(std::move(command));
            }};
    Add(MeasureArrivals(loop_, servers, {.clients = options_.joiners, .rounds = options_.rounds}));
  }

  void RunJoins() {
    Say("joins");
    const ChildProcess atrium(BenchRoomsCommand());
    Add(MeasureJoins(loop_, atrium, options_.joiners, options_.joiners / 5, options_.rounds));
  }

  void RunRooms() {
    for (const auto& [kind, name] : {std::pair(SmallRoom::kUntyped, "untyped"), {SmallRoom::kCounter, "counter"}}) {
      Figure figure(absl::StrCat("RSS bytes per ", name, " room, ", options_.rooms, " of them"));
      Say(figure.name());
      const ChildProcess atriumd(AtriumCommand({"--empty-ttl", "1h"}));
      figure.Add(ResidentBytesPerRoom(atriumd, kind, options_.rooms), std::nullopt);
      figures_.push_back(std::move(figure));
    }
  }

  void RunChurn() {
    Say("a pair beside rooms that come and go");
    Add(MeasureChurn(Servers(), options_.rooms, options_.rounds, options_.slice, notes_));
  }

  void RunDurable() {
    Say("durable writes");
    const ScratchDirectory scratch(options_.directory);
    const ChildProcess atrium(BenchRoomsCommand({"--data-dir", scratch.path() + "/atrium"}));
    const DurableOptions options{.writers = options_.writers,
                                 .rounds = options_.rounds,
                                 .slice = options_.slice,
                                 .directory = scratch.path() + "/bare"};
    Add(MeasureDurable(loop_, atrium, options, notes_));
  }

  void RunStart() {
    Say("starts");
    const ScratchDirectory scratch(options_.directory);
    const auto start = [&](const std::string& data) {
      return std::make_unique<ChildProcess>(BenchRoomsCommand({"--data-dir", data}));
    };
    Add(MeasureStart(start, {.rooms = options_.rooms, .rounds = options_.rounds, .directory = scratch.path()}));
  }

  void RunResume() {
    Say("storms of clients that come back");
    const auto start = [&] { return std::make_unique<ChildProcess>(AtriumCommand()); };
    Add(MeasureResume(loop_, start,
                      {.clients = options_.connections, .rounds = options_.rounds, .quiet = options_.slice}));
  }

  void RunDeflate() {
    Say("compression");
    const ChildProcess atriumd(AtriumCommand());
    Add(MeasureDeflate(loop_, atriumd,
                       {.members = options_.members, .rounds = options_.rounds, .slice = options_.slice}));
  }

  // With the rates that clients usually have.
  void RunAttacks() {
    Say("a pair beside attacks");
    std::vector<std::string> command = AtriumCommand({"--empty-ttl", "1h"});
    *(std::find(command.begin(), command.end(), "--session-rate") + 1) = "50";
    const auto start = [&] { return std::make_unique<ChildProcess>(command); };
    Add(MeasureAttacks(start, {.rooms = 2 * options_.rooms, .length = options_.rounds * options_.slice}));
  }

  void Add(std::vector<Figure> figures) {
    for (Figure& figure : figures) figures_.push_back(std::move(figure));
  }

  const Options options_;
  Loop loop_;
  std::vector<Figure> figures_;
  std::vector<std::string> notes_;
};

// What a server is told that an earlier version, which may be measured as well, does not know as a flag.
void PrepareEnvironment() {
  setenv("ATRIUM_ADMIN_ADDRESS", "127.0.0.1:0", /*overwrite=*/1);
  // The rooms and streams of the bench are all that there are.
  setenv("ATRIUM_MAX_ROOMS", "0", /*overwrite=*/1);
  setenv("ATRIUM_MAX_GRPC_STREAMS", "0", /*overwrite=*/1);
}

int Main(int argc, char** argv) {
  RaiseFileLimit();
  // As atriumd does, so that what gRPC's locks cost is the same for both.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == kServeBareSender && argc == 3) return ServeBareSender(argv[2]);
  if (mode == kServeBareDoor && argc > 4) {
    return ServeBareDoor({.welcome = argv[2], .member = argv[3], .joined = {argv + 4, argv + argc}});
  }
  if (mode == kServeUnaryEcho) return ServeUnaryEcho();
  if (mode == kServeStreamEcho) return ServeStreamEcho();
  if (mode == kServeStreamFanOut && argc == 3) return ServeStreamFanOut(argv[2]);
  if (mode == kServeAtrium) return ServeAtrium(argc - 1, argv + 1);
  PrepareEnvironment();
  // Timers to the microsecond.
  prctl(PR_SET_TIMERSLACK, 1);
  const absl::Time start = absl::Now();
  Suite(ParseOptions(argc, argv)).Run();
  std::cerr << absl::StrFormat("done in %.0f s\n", absl::ToDoubleSeconds(absl::Now() - start));
  return 0;
}

}  // namespace
}  // namespace atrium::bench

int main(int argc, char** argv) { return atrium::bench::Main(argc, argv); }
