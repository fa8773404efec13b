#include "tests/bench/deflate.h"

#include <array>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/rounds.h"
#include "tests/bench/sessions.h"

namespace atrium::bench {
namespace {

// As long as each other: their names are in the frames.
constexpr char kRoom[] = "bench-plain";
constexpr char kDeflatedRoom[] = "bench-small";
constexpr absl::Duration kWarmUp = absl::Milliseconds(200);
// So many different ones of each size take turns.
constexpr int kVariants = 8;

// The JSON of so many bytes or a little less that a chat would send: messages of a few words each.
std::string ChatJson(size_t bytes, uint32_t seed) {
  static constexpr std::array<const char*, 24> kWords = {
      "hello", "room",      "the", "a",   "state", "think", "that",    "we",  "should", "meet",  "tomorrow", "at",
      "noon",  "yesterday", "bom", "dia", "tudo",  "bem",   "because", "was", "nobody", "there", "olá",      "👋"};
  std::mt19937 random(seed);
  std::string json = "[";
  for (int second = 0;; ++second) {
    std::string message =
        absl::StrFormat(R"({"id":"m%08x","user":"user%d","timestamp":"2026-11-23T15:%02d:%02dZ","text":")", random(),
                        random() % 20, second / 60 % 60, second % 60);
    for (uint32_t words = 3 + random() % 12; words > 0; --words) {
      absl::StrAppend(&message, kWords[random() % kWords.size()], " ");
    }
    message += "\"}";
    if (json.size() + message.size() + 2 > bytes) break;
    absl::StrAppend(&json, json.size() > 1 ? "," : "", message);
  }
  return json + "]";
}

std::string Data(size_t bytes, int variant) {
  if (bytes >= 1024) return ChatJson(bytes, variant);
  return absl::StrCat("\"", std::string(bytes - 2, static_cast<char>('a' + variant)), "\"");
}

// The emits of one room.
class Emits {
 public:
  Emits(const std::string& room, size_t bytes) {
    for (int i = 0; i < kVariants; ++i) {
      frames_[i] = MaskedText(absl::StrCat(R"({"emit":{"roomId":")", room,
                                           R"(","event":"e","includeSelf":true,"data":)", Data(bytes, i), "}}"));
    }
  }
  const std::string& operator()(int i) const { return frames_[i % kVariants]; }

 private:
  std::array<std::string, kVariants> frames_;
};

double CpuUs(const Traffic& traffic) { return absl::ToDoubleMicroseconds(traffic.cpu) / traffic.frames; }
double Bytes(const Traffic& traffic) { return static_cast<double>(traffic.bytes) / traffic.frames; }

using Run = std::function<Traffic(absl::Duration)>;

// Two figures of what both do, the compressed one beside the plain one.
void Measure(const DeflateOptions& options, const std::string& what, const Run& deflated, const Run& plain,
             std::vector<Figure>& figures) {
  Figure cpu("CPU us per " + what);
  Figure bytes("bytes per " + what);
  deflated(kWarmUp);
  plain(kWarmUp);
  Traffic of_deflated;
  Traffic of_plain;
  Alternate(
      options.rounds, [&] { of_deflated = deflated(options.slice); }, [&] { of_plain = plain(options.slice); },
      [&] {
        cpu.Add(CpuUs(of_deflated), CpuUs(of_plain));
        bytes.Add(Bytes(of_deflated), Bytes(of_plain));
      });
  figures.push_back(std::move(cpu));
  figures.push_back(std::move(bytes));
}

}  // namespace

std::vector<Figure> MeasureDeflate(Loop& loop, const ChildProcess& server, const DeflateOptions& options) {
  Sessions plain(loop, server, options.members);
  Sessions deflated(loop, server, options.members, Opening::kDeflatedWebSocket);
  plain.Join(kRoom, options.members);
  deflated.Join(kDeflatedRoom, options.members);
  std::vector<Figure> figures;
  for (const auto& [bytes, name] : {std::pair<size_t, const char*>{64, "64 B"}, {4096, "4 KiB"}, {32'768, "32 KiB"}}) {
    const Emits to_plain(kRoom, bytes);
    const Emits to_deflated(kDeflatedRoom, bytes);
    Measure(
        options, absl::StrCat("delivery of ", name, ", compressed"),
        [&](absl::Duration duration) { return deflated.RunClosedLoop(to_deflated, duration); },
        [&](absl::Duration duration) { return plain.RunClosedLoop(to_plain, duration); }, figures);
  }
  const std::string state = absl::StrCat(R"({"messages":)", ChatJson(32'768, 0), "}");
  for (const auto& [sessions, room] : {std::pair(&plain, kRoom), {&deflated, kDeflatedRoom}}) {
    // One patch to each.
    sessions->Probe([&, room = room](int) {
      return MaskedText(absl::StrCat(R"({"setState":{"roomId":")", room, R"(","state":)", state, "}}"));
    });
  }
  Measure(
      options, "getState of 32 KiB, compressed",
      [&](absl::Duration duration) { return deflated.RunGetState(kDeflatedRoom, duration); },
      [&](absl::Duration duration) { return plain.RunGetState(kRoom, duration); }, figures);
  return figures;
}

}  // namespace atrium::bench
