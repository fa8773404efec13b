#include "tests/bench/start.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/engine/embedded_log.h"
#include "server/live/rooms/room_record.pb.h"
#include "tests/bench/check.h"
#include "tests/bench/fanout.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr double kMiB = 1 << 20;
// So many are given to the log before it has to have stored them.
constexpr int kRoomsAtOnce = 1000;
constexpr char kEpoch[] = "0123456789abcdef";

std::string RoomId(int room) { return absl::StrCat("notes:", room); }

// A record as Atrium writes one for an event, the `sequence`th of its room.
RoomLog::Record NoteRecord(const std::string& room_id, uint64_t sequence, absl::Time time) {
  const int64_t milliseconds = absl::ToUnixMillis(time);
  v1::ServerFrames frames;
  v1::RoomEvent& event = *frames.add_frames()->mutable_event();
  event.set_room_id(room_id);
  event.set_offset(sequence);
  event.set_event("note");
  event.mutable_time()->set_seconds(milliseconds / 1000);
  google::protobuf::Struct& data = *event.mutable_data()->mutable_struct_value();
  (*data.mutable_fields())["text"].set_string_value(std::string(kDataBytes, 'x'));
  RoomRecord record;
  StoredFrame& frame = *record.add_frames();
  frame.set_frames(frames.SerializeAsString());
  frame.set_time(milliseconds);
  RoomLog::Record stored{.room_id = room_id, .sequence = sequence};
  if (sequence == 1) {
    record.set_epoch(kEpoch);
    record.set_create_time(milliseconds);
    v1::Room head;
    head.set_id(room_id);
    head.set_type("notes");
    head.mutable_create_time()->set_seconds(milliseconds / 1000);
    head.mutable_last_activity_time()->set_seconds(milliseconds / 1000);
    stored.head = head.SerializeAsString();
  }
  stored.bytes = record.SerializeAsString();
  return stored;
}

void CheckOk(const absl::Status& status) {
  if (!status.ok()) Fail(absl::StrCat("a data directory cannot be made: ", status.message()));
}

void WaitForLog(RoomLog& log) {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  log.Barrier([&] {
    const std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return done; });
}

// By the log itself, as a server leaves it that is killed.
void MakeDataDirectory(const std::string& path, const StartOptions& options) {
  absl::StatusOr<std::unique_ptr<RoomLog>> log = OpenEmbeddedLog({.directory = path});
  CheckOk(log.status());
  const absl::Time now = absl::Now();
  for (int room = 0; room < options.rooms; ++room) {
    const std::string room_id = RoomId(room);
    (*log)->Open(room_id, [&log = **log, room_id, now, &options](const auto& found) {
      CheckOk(found.status());
      for (int i = 1; i <= options.records; ++i) log.Append(NoteRecord(room_id, i, now), CheckOk);
      log.Close(room_id);
    });
    if (room % kRoomsAtOnce == 0) WaitForLog(**log);
  }
}

void CheckRooms(const ChildProcess& server, const StartOptions& options) {
  GrpcCalls<v1::GetStatsRequest, v1::GetStatsResponse> stats(server.Port("grpc"), &RoomMethods::GetStats);
  Check(stats.Once({}).rooms().total_rooms() == options.rooms, "not all rooms are there after a start");
  GrpcCalls<v1::GetHistoryRequest, v1::GetHistoryResponse> history(server.Port("grpc"), &RoomMethods::GetHistory);
  v1::GetHistoryRequest request;
  request.set_room_id(RoomId(options.rooms / 2));
  const v1::GetHistoryResponse last = history.Once(request);
  Check(last.frames_size() == options.records && last.position().epoch() == kEpoch, "a room has lost records");
}

struct Started {
  double milliseconds = 0;  // until it served
  double cpu_milliseconds = 0;
  double mib = 0;  // resident
  double peak_mib = 0;
};

}  // namespace

std::vector<Figure> MeasureStart(
    const std::function<std::unique_ptr<ChildProcess>(const std::string& data_directory)>& start,
    const StartOptions& options) {
  const std::string name =
      absl::StrCat(options.rooms, " rooms of ", options.records, options.records == 1 ? " record" : " records");
  Figure time("ms to start, " + name);
  Figure cpu("CPU ms to start, " + name);
  Figure memory("MiB after the start, " + name);
  Figure peak("MiB at most in the start, " + name);
  const std::string original = options.directory + "/original";
  MakeDataDirectory(original, options);
  const auto measure = [&](const std::string& data, bool check) {
    const absl::Time before = absl::Now();
    const std::unique_ptr<ChildProcess> server = start(data);
    Started started{.milliseconds = absl::ToDoubleMilliseconds(absl::Now() - before),
                    .cpu_milliseconds = absl::ToDoubleMilliseconds(server->CpuTime()),
                    .mib = static_cast<double>(server->ResidentBytes()) / kMiB,
                    .peak_mib = static_cast<double>(server->PeakResidentBytes()) / kMiB};
    if (check) CheckRooms(*server, options);
    return started;
  };
  for (int round = 0; round < options.rounds; ++round) {
    // A start changes the directory.
    const std::string full = absl::StrCat(options.directory, "/full-", round);
    const std::string empty = absl::StrCat(options.directory, "/empty-", round);
    std::filesystem::copy(original, full, std::filesystem::copy_options::recursive);
    const Started of_full = measure(full, /*check=*/true);
    const Started of_empty = measure(empty, /*check=*/false);
    std::filesystem::remove_all(full);
    time.Add(of_full.milliseconds, of_empty.milliseconds);
    cpu.Add(of_full.cpu_milliseconds, of_empty.cpu_milliseconds);
    memory.Add(of_full.mib, of_empty.mib);
    peak.Add(of_full.peak_mib, of_empty.peak_mib);
  }
  std::vector<Figure> figures;
  for (Figure* figure : {&time, &cpu, &memory, &peak}) figures.push_back(std::move(*figure));
  return figures;
}

}  // namespace atrium::bench
