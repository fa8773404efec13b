#include "tests/bench/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

namespace po = boost::program_options;

constexpr char kHelp[] =
    "Measures atriumd beside limits of the same machine, in turns, and prints a table. A few minutes; 127.0.0.1 "
    "only.\n\n"
    "  atrium_bench            every figure, in about twelve minutes\n"
    "  atrium_bench --quick    every figure once, small: does it all run?\n"
    "  atrium_bench --plots .  the two plots, in about three minutes\n\n"
    "Flags";

constexpr char kShapes[] = "1x1000x4,100x10x4,1000x2x1";
constexpr char kLatencyShapes[] = "1x1000,100x10";
constexpr char kParts[] =
    "fanout,latency,half,cores,unary,stream,streams,idle,silent,state,arrivals,joins,rooms,churn,durable,start,"
    "resume,deflate,attacks";

// "1x1000x8,100x10": rooms x members, or rooms x members x burst.
std::vector<Shape> ParseShapes(const std::string& text) {
  std::vector<Shape> shapes;
  for (const std::string& one : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::vector<std::string> numbers = absl::StrSplit(one, 'x');
    Shape shape{.burst = 1};
    const bool good = (numbers.size() == 2 || numbers.size() == 3) && absl::SimpleAtoi(numbers[0], &shape.rooms) &&
                      absl::SimpleAtoi(numbers[1], &shape.members) &&
                      (numbers.size() == 2 || absl::SimpleAtoi(numbers[2], &shape.burst)) && shape.rooms > 0 &&
                      shape.members > 1 && shape.burst > 0 && shape.burst <= 64;
    if (!good) Fail(absl::StrCat("a shape is rooms x members, such as 1x1000 or 1x1000x4 with its burst: ", one));
    shapes.push_back(shape);
  }
  return shapes;
}

std::vector<std::string> ParseParts(const std::string& text) {
  const std::vector<std::string> known = absl::StrSplit(kParts, ',');
  std::vector<std::string> parts = absl::StrSplit(text, ',');
  for (const std::string& part : parts) {
    if (std::find(known.begin(), known.end(), part) == known.end()) Fail(absl::StrCat("no such part: ", part));
  }
  return parts;
}

// A quick run wants to know only that all works.
void MakeQuick(Options& options) {
  options.rounds = 1;
  options.slice = absl::Milliseconds(200);
  options.shapes = {{.rooms = 1, .members = 20, .burst = 8}, {.rooms = 10, .members = 2, .burst = 1}};
  options.latency_shapes = {options.shapes.front()};
  options.deliveries_per_second = 2'000;
  options.connections = 100;
  options.silence_timeout = absl::Seconds(1);
  options.members = 10;
  options.joiners = 50;
  options.rooms = 500;
  options.emits = 1'000;
  options.streams = 100;
  options.plot_sessions = 20;
  options.writers = 10;
}

}  // namespace

bool Options::Runs(const char* part) const { return std::find(parts.begin(), parts.end(), part) != parts.end(); }

Options ParseOptions(int argc, char** argv) {
  Options options;
  const std::string beside = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "atriumd").string();
  std::string shapes;
  std::string latency_shapes;
  std::string parts;
  double seconds = 0;
  po::options_description flags(kHelp, 120);
  const auto add = [&](const char* name, auto* value, const auto& fallback, const char* what) {
    flags.add_options()(name, po::value(value)->default_value(fallback), what);
  };
  flags.add_options()("help,h", "print this")("quick", "one short round of small shapes");
  add("atriumd", &options.atriumd, beside, "the server to measure");
  add("only", &parts, std::string(kParts), "the parts to run");
  add("shards", &options.shards, options.shards, "its --shards: threads that rooms and sessions are spread over");
  add("rounds", &options.rounds, options.rounds, "how often Atrium and the limit take turns");
  add("seconds", &seconds, absl::ToDoubleSeconds(options.slice), "how long each is measured in a round");
  add("shapes", &shapes, std::string(kShapes), "fan-out, half, cores: rooms x members x publishes in a burst");
  add("latency-shapes", &latency_shapes, std::string(kLatencyShapes), "latency: rooms x members");
  add("rate", &options.deliveries_per_second, options.deliveries_per_second, "latency: deliveries per second");
  add("connections", &options.connections, options.connections, "idle and silent ones; resume: those that come back");
  add("emits", &options.emits, options.emits, "stream: events published over a gRPC stream at a time");
  add("streams", &options.streams, options.streams, "streams: gRPC streams in one room, and idle ones");
  add("members", &options.members, options.members, "state, deflate: of each room");
  add("joiners", &options.joiners, options.joiners,
      "joins: sessions into one room, beside a fifth of them; arrivals: clients that come");
  add("rooms", &options.rooms, options.rooms,
      "rooms: small ones, for their memory; churn: that come and go; start: durable ones; attacks: half of those that "
      "are listed");
  add("writers", &options.writers, options.writers, "durable: at once, beside one");
  add("directory", &options.directory, std::filesystem::temp_directory_path().string(),
      "durable, start: on the file system to measure; instructions: for atrium.callgrind");
  add("plots", &options.plots, std::string(),
      "a directory: draws latency.svg and throughput.svg there, and measures nothing else");
  add("instructions", &options.instructions, options.instructions,
      "counts the instructions of a delivery under valgrind, keeps what callgrind found, measures nothing else, and "
      "fails when they are more than a tenth above this number");
  po::variables_map given;
  try {
    po::store(po::command_line_parser(argc, argv).options(flags).positional({}).run(), given);
    po::notify(given);
  } catch (const po::error& error) {
    Fail(error.what());
  }
  if (given.contains("help")) {
    std::cout << flags;
    std::exit(0);
  }
  options.slice = absl::Seconds(seconds);
  options.shapes = ParseShapes(shapes);
  options.latency_shapes = ParseShapes(latency_shapes);
  options.parts = ParseParts(parts);
  if (given.contains("quick")) MakeQuick(options);
  Check(options.rounds > 0 && options.slice > absl::ZeroDuration() && options.connections > 1 && options.members > 1 &&
            options.joiners >= 10 && options.rooms > 0 && options.writers > 0 && options.emits > 0 &&
            options.streams > 1,
        "numbers must be positive");
  return options;
}

}  // namespace atrium::bench
