#include <boost/json/serialize.hpp>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/stop_signal.h"
#include "client-sdk/cli/verify/run.h"

namespace atrium::cli {
namespace {

using verify::Counts;
using verify::Promise;

struct Row {
  const char* name;
  const char* text;
  int64_t Counts::*count;
};

constexpr Row kRows[] = {
    {"framesSeen", "frames seen by clients", &Counts::frames_seen},
    {"framesOfRooms", "frames of rooms", &Counts::frames_of_rooms},
    {"snapshots", "snapshots", &Counts::snapshots},
    {"statesCompared", "states compared", &Counts::states_compared},
    {"writesAsked", "writes", &Counts::writes_asked},
    {"writesAcknowledged", "  acknowledged", &Counts::writes_acknowledged},
    {"writesSeen", "    and seen", &Counts::writes_seen},
    {"writesOutOfReach", "    for nobody who was there, or gone since", &Counts::writes_out_of_reach},
    {"writesRefused", "  refused", &Counts::writes_refused},
    {"writesInDoubt", "  never answered", &Counts::writes_in_doubt},
    {"writesRepeated", "  repeated with their key", &Counts::writes_repeated},
    {"conditionalWon", "  conditional, won", &Counts::conditional_won},
    {"conditionalLost", "  conditional, lost", &Counts::conditional_lost},
    {"joins", "joins", &Counts::joins},
    {"joinsRecovered", "  and watchers that were back, recovered", &Counts::joins_recovered},
    {"joinsRefused", "  refused", &Counts::joins_refused},
    {"resumes", "sessions resumed", &Counts::resumes},
    {"connectionsLost", "connections lost", &Counts::connections_lost},
};

absl::StatusOr<verify::Settings> ReadSettings(const Invocation& invocation) {
  verify::Settings settings;
  const auto in_range = [](int value, int least, int most) { return value >= least && value <= most; };
  settings.clients = invocation.flag<int>("clients");
  settings.rooms = invocation.flag<int>("rooms");
  const int seconds = invocation.flag<int>("seconds");
  settings.rate = invocation.flag<int>("rate");
  if (!in_range(settings.clients, 1, 1000)) return BadUsage("--clients must be from 1 to 1000");
  if (!in_range(settings.rooms, 1, 100)) return BadUsage("--rooms must be from 1 to 100");
  if (!in_range(seconds, 1, 86'400)) return BadUsage("--seconds must be from 1 to 86400");
  if (!in_range(settings.rate, 1, 10'000)) return BadUsage("--rate must be from 1 to 10000");
  settings.duration = absl::Seconds(seconds);
  settings.seed = invocation.has("seed") ? invocation.flag<uint64_t>("seed") : std::random_device()();
  settings.durable = invocation.flag<bool>("durable");
  settings.crashes = invocation.flag<bool>("crashes");
  settings.resume = !invocation.flag<bool>("no-resume");
  return settings;
}

void PrintJson(const verify::Settings& settings, const verify::Result& result) {
  json::object counts;
  for (const Row& row : kRows) counts[row.name] = result.verdict.counts.*row.count;
  json::array violations;
  for (const verify::Violation& violation : result.verdict.violations) {
    violations.push_back({{"promise", verify::Text(violation.promise)},
                          {"room", violation.room},
                          {"what", violation.what},
                          {"history", verify::Text(result.history, violation)}});
  }
  const json::value all = {{"seed", settings.seed},
                           {"crashes", result.crashes},
                           {"counts", std::move(counts)},
                           {"violations", std::move(violations)},
                           {"failure", result.failure}};
  std::cout << json::serialize(all) << std::endl;
}

void PrintText(const verify::Settings& settings, const verify::Result& result) {
  const verify::Verdict& verdict = result.verdict;
  for (const Row& row : kRows) std::cout << absl::StrFormat("%10d  %s\n", verdict.counts.*row.count, row.text);
  if (settings.crashes) std::cout << absl::StrFormat("%10d  times the server went away\n", result.crashes);
  std::cout << "\n";
  for (int i = 0; i < verify::kPromises; ++i) {
    const int64_t broken = verdict.broken[static_cast<size_t>(i)];
    std::cout << (broken == 0 ? "kept    " : absl::StrFormat("BROKEN  %d times: ", broken))
              << verify::Text(static_cast<Promise>(i)) << "\n";
  }
  for (const verify::Violation& violation : verdict.violations) {
    std::cout << "\n" << verify::Text(result.history, violation);
  }
  std::cout << std::flush;
}

}  // namespace

absl::Status Verify(const Invocation& invocation) {
  const absl::StatusOr<verify::Settings> settings = ReadSettings(invocation);
  if (!settings.ok()) return settings.status();
  const StopSignal stop;
  Rpc rpc(invocation.address, invocation.credentials);
  std::cerr << "seed " << settings->seed << std::endl;
  const absl::StatusOr<verify::Result> result = verify::Run(
      rpc, *settings, [&stop] { return stop.stopped(); },
      [](const std::string& line) { std::cerr << line << std::endl; });
  if (!result.ok()) return result.status();
  if (invocation.json) {
    PrintJson(*settings, *result);
  } else {
    PrintText(*settings, *result);
  }
  if (!result->failure.empty()) return absl::UnavailableError(result->failure);
  if (result->verdict.ok()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("promises are broken; the run's decisions come again with --seed ", settings->seed));
}

}  // namespace atrium::cli
