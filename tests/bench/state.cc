#include "tests/bench/state.h"

#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/check.h"
#include "tests/bench/rounds.h"
#include "tests/bench/sessions.h"

namespace atrium::bench {
namespace {

constexpr char kKeysRoom[] = "bench-keys";
constexpr char kListRoom[] = "list:bench";
constexpr char kLimitRoom[] = "bench";
constexpr char kArena[] = "arena:bench";
constexpr char kFoldingArena[] = "arena50:bench";

constexpr int kEntries = 100;
constexpr int kTextBytes = 64;
constexpr double kMovesPerSecond = 20;
constexpr absl::Duration kWarmUp = absl::Milliseconds(200);

using FrameMaker = std::function<std::string(int)>;

// A text of kTextBytes that differs from the one before.
std::string Text(int i) {
  std::string text = absl::StrFormat("%08d", i);
  text.resize(kTextBytes, 'x');
  return text;
}

std::string SetKey(int i) {
  return MaskedText(
      absl::StrFormat(R"({"setState":{"roomId":"%s","state":{"key%02d":"%s"}}})", kKeysRoom, i % kEntries, Text(i)));
}

FrameMaker Add(const char* method) {
  return [method](int i) {
    return MaskedText(
        absl::StrFormat(R"({"call":{"roomId":"%s","method":"%s","args":{"text":"%s"}}})", kListRoom, method, Text(i)));
  };
}

FrameMaker Move(const char* room) {
  return [room](int i) {
    return MaskedText(absl::StrFormat(R"({"call":{"roomId":"%s","method":"move","args":{"x":%d,"y":%d}}})", room,
                                      1000 + i % 9000, 1000 + i * 7 % 9000));
  };
}

std::string EmitBytes(int data_bytes) {
  return MaskedText(absl::StrFormat(R"({"emit":{"roomId":"%s","event":"e","includeSelf":true,"data":"%s"}})",
                                    kLimitRoom, std::string(data_bytes, 'x')));
}

// An event whose frame has as many bytes as the patch that `change` makes.
std::string EventAsLongAs(Sessions& sessions, const FrameMaker& change) {
  const int64_t data = sessions.Probe(change) - sessions.Probe([](int) { return EmitBytes(0); });
  Check(data >= 0, "a patch is shorter than the shortest event");
  return EmitBytes(static_cast<int>(data));
}

double CpuNsPerFrame(const Traffic& traffic) { return absl::ToDoubleNanoseconds(traffic.cpu) / traffic.frames; }

struct Change {
  const char* name;
  const char* room;
  FrameMaker make;
};

void MeasureChange(Sessions& sessions, const StateOptions& options, const Change& change,
                   std::vector<Figure>& figures) {
  sessions.RunClosedLoop(change.make, kWarmUp, kEntries);
  const std::string event = EventAsLongAs(sessions, change.make);
  const FrameMaker emit = [&event](int) { return event; };
  sessions.RunClosedLoop(emit, kWarmUp);
  Figure cpu(absl::StrCat("CPU ns per delivery, ", change.name));
  Figure bytes(absl::StrCat("bytes of its frame, beside the whole state's"));
  Traffic of_patch;
  Traffic of_event;
  Alternate(
      options.rounds, [&] { of_patch = sessions.RunClosedLoop(change.make, options.slice); },
      [&] { of_event = sessions.RunClosedLoop(emit, options.slice); },
      [&] { cpu.Add(CpuNsPerFrame(of_patch), CpuNsPerFrame(of_event)); });
  bytes.Add(static_cast<double>(of_patch.bytes) / of_patch.frames, sessions.StateBytes(change.room));
  figures.push_back(std::move(cpu));
  figures.push_back(std::move(bytes));
}

// Of each member, in a second.
struct Share {
  Share(const Traffic& traffic, int members)
      : frames(traffic.frames / absl::ToDoubleSeconds(traffic.elapsed) / members),
        bytes(traffic.bytes / absl::ToDoubleSeconds(traffic.elapsed) / members),
        cpu_us(absl::ToDoubleMicroseconds(traffic.cpu) / absl::ToDoubleSeconds(traffic.elapsed) / members) {}

  double frames;
  double bytes;
  double cpu_us;
};

void MeasureMoves(Sessions& sessions, const StateOptions& options, std::vector<Figure>& figures,
                  std::vector<std::string>& notes) {
  const int members = sessions.count();
  const auto run = [&](const char* room, absl::Duration duration) {
    return Share(sessions.RunPaced(kMovesPerSecond * members, Move(room), duration), members);
  };
  run(kFoldingArena, kWarmUp);
  run(kArena, kWarmUp);
  const std::string name = absl::StrFormat("per member and s, %d players at %.0f Hz, 50 ms", members, kMovesPerSecond);
  Figure cpu("CPU us " + name);
  Figure bytes("bytes " + name);
  std::optional<Share> folded;
  std::optional<Share> each;
  Alternate(
      options.rounds, [&] { folded.emplace(run(kFoldingArena, options.slice)); },
      [&] { each.emplace(run(kArena, options.slice)); },
      [&] {
        cpu.Add(folded->cpu_us, each->cpu_us);
        bytes.Add(folded->bytes, each->bytes);
      });
  figures.push_back(std::move(cpu));
  figures.push_back(std::move(bytes));
  notes.push_back(absl::StrFormat("Each of %d players got %.0f frames a second at patch_interval 50 ms, %.0f without.",
                                  members, folded->frames, each->frames));
}

}  // namespace

std::vector<Figure> MeasureState(Loop& loop, const ChildProcess& server, const StateOptions& options,
                                 std::vector<std::string>& notes) {
  Sessions sessions(loop, server, options.members);
  for (const char* room : {kKeysRoom, kLimitRoom}) sessions.Join(room, sessions.count());
  for (const char* room : {kListRoom, kArena, kFoldingArena}) sessions.BringIn(room, sessions.count());
  std::vector<Figure> figures;
  const std::vector<Change> changes = {{"1 key of 100 set", kKeysRoom, SetKey},
                                       {"Append to 100 messages", kListRoom, Add("append")},
                                       {"Mutate of 100 messages", kListRoom, Add("mutate")}};
  for (const Change& change : changes) MeasureChange(sessions, options, change, figures);
  MeasureMoves(sessions, options, figures, notes);
  return figures;
}

}  // namespace atrium::bench
