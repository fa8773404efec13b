// Damages a durable room as a server has stored it, record by record and byte by byte. It is refused, or it goes on:
// then the server can deal with it as with any room, and what it stores of it can be read again.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "server/wire/message_json.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

constexpr char kRoom[] = "scripted:a";

void Require(bool condition) {
  if (!condition) std::abort();
}

// A server whose durable rooms are in `log`.
class Server {
 public:
  explicit Server(MemoryLog& log) {
    log.auto_complete = true;
    script_.options.durable = true;
    script_.plans["join"].steps = {Do::kChange, Do::kEmit};
    RoomWorld::Settings settings;
    settings.room_log = &log;
    world_ = std::make_unique<ScriptedWorld>(script_, settings);
  }

  RoomWorld& world() { return *world_; }

  // The room's position and state.
  absl::StatusOr<json::value> Look() {
    v1::GetStateRequest request;
    request.set_room_id(kRoom);
    return Answered(world_->Ask<v1::GetStateRequest, v1::GetStateResponse>(
        &RoomApi::GetState, request, [](const auto& response, v1::Reply& reply) {
          *reply.mutable_get_state() = *response.message;
          PutPayload(response.payload, *reply.mutable_get_state());
        }));
  }

  // All that a client may ask of it.
  void Use() {
    Client& alice = world_->Connect("alice");
    alice.Join(kRoom);
    alice.Emit(kRoom, "typing");
    world_->Call(kRoom, "change");
    v1::GetHistoryRequest history;
    history.set_room_id(kRoom);
    Answered(world_->Ask<v1::GetHistoryRequest, v1::GetHistoryResponse>(&RoomApi::GetHistory, history)).IgnoreError();
    alice.Leave(kRoom);
    world_->Lock(kRoom, true);
  }

 private:
  absl::StatusOr<json::value> Answered(const AnswerPtr& answer) {
    world_->Run();
    Require(answer->times == 1);
    if (!answer->status.ok()) return answer->status;
    return ParseJson(MessageToJson(answer->reply, JsonZeros::kPrint));
  }

  Script script_;
  std::unique_ptr<RoomWorld> world_;
};

// A snapshot, and records on both sides of it, with all that records can hold.
StoredRoom StoreSome() {
  MemoryLog log;
  {
    Server server(log);
    server.Use();
    server.world().Connect("bob").Join(kRoom);
    server.world().With(kRoom, [](Room* room) { room->Update({.metadata = json::object{{"topic", "cats"}}}); });
    v1::CallRequest keyed;
    keyed.set_room_id(kRoom);
    keyed.set_method("change");
    keyed.set_idempotency_key("once");
    server.world().Ask<v1::CallRequest, v1::CallResponse>(&RoomApi::Call, keyed);
    server.world().Run();
    server.world().With(kRoom, [](Room* room) { room->storage().PutAside([](const absl::Status&) {}); });
    server.Use();
  }
  const StoredRoom* const stored = log.stored(kRoom);
  Require(stored != nullptr && stored->snapshot_sequence > 0 && stored->last_sequence() > stored->snapshot_sequence);
  return *stored;
}

// Each step reads four bytes: what to do, to which record (0 is the snapshot), where, and with what.
StoredRoom Damage(StoredRoom room, const uint8_t* data, size_t size) {
  for (; size >= 4; data += 4, size -= 4) {
    const size_t which = data[1] % (room.records.size() + 1);
    std::string& bytes = which == 0 ? room.snapshot : room.records[which - 1];
    const size_t at = bytes.empty() ? 0 : data[2] % bytes.size();
    switch (data[0] % 8) {
      case 0: bytes.resize(at); break;
      case 1: bytes.insert(at, 1, static_cast<char>(data[3])); break;
      case 2: bytes.erase(at, data[3]); break;
      case 3: bytes.insert(at, bytes.substr(data[3] % (bytes.size() + 1), 16)); break;
      case 4:
        if (which > 0) room.records.erase(room.records.begin() + static_cast<std::ptrdiff_t>(which) - 1);
        break;
      case 5: room.records.push_back(bytes); break;
      case 6: room.snapshot_sequence = data[3] % (room.last_sequence() + 1); break;
      default:
        if (!bytes.empty()) bytes[at] = static_cast<char>(data[3]);
    }
  }
  // So much the log itself sees to.
  room.snapshot_sequence = std::clamp(room.snapshot_sequence, room.first_sequence - 1, room.last_sequence());
  return room;
}

void Check(StoredRoom stored) {
  MemoryLog log;
  log.Store(kRoom, std::move(stored), "");
  json::value before;
  {
    Server server(log);
    const absl::StatusOr<json::value> found = server.Look();
    server.Use();
    if (!found.ok()) return Require(absl::IsDataLoss(found.status()));
    before = server.Look().value();
    log.Crash();
  }
  log.Crash();
  Server again(log);
  Require(again.Look().value() == before);
}

}  // namespace
}  // namespace atrium::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  google::protobuf::SetLogHandler(nullptr);
  static const atrium::StoredRoom stored = atrium::testing::StoreSome();
  atrium::testing::Check(atrium::testing::Damage(stored, data, size));
  return 0;
}
