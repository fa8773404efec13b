#include "tests/bench/rooms.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr int kCold = 1000;
constexpr absl::Duration kSettle = absl::Milliseconds(500);

// `make(first, count)` makes so many rooms, numbered from `first`.
template <typename Make>
double Growth(const ChildProcess& server, int rooms, Make make) {
  make(0, kCold);
  absl::SleepFor(kSettle);
  const int64_t before = server.ResidentBytes();
  make(kCold, rooms);
  absl::SleepFor(kSettle);
  const int64_t after = server.ResidentBytes();
  GrpcCalls<v1::GetStatsRequest, v1::GetStatsResponse> stats(server.Port("grpc"), &RoomMethods::GetStats);
  Check(stats.Once({}).rooms().total_rooms() == kCold + rooms, "not all rooms are there");
  return static_cast<double>(after - before) / rooms;
}

}  // namespace

double ResidentBytesPerRoom(const ChildProcess& server, SmallRoom kind, int rooms) {
  if (kind == SmallRoom::kUntyped) {
    GrpcCalls<v1::SetStateRequest, v1::SetStateResponse> calls(server.Port("grpc"), &RoomMethods::SetState);
    return Growth(server, rooms, [&](int first, int count) {
      calls.StartCount(count, [first](int i, v1::SetStateRequest& request) {
        request.set_room_id(absl::StrCat("bench-", first + i));
        (*request.mutable_state()->mutable_struct_value()->mutable_fields())["n"].set_number_value(1);
      });
      calls.Wait();
    });
  }
  GrpcCalls<v1::CallRequest, v1::CallResponse> calls(server.Port("grpc"), &RoomMethods::Call);
  return Growth(server, rooms, [&](int first, int count) {
    calls.StartCount(count, [first](int i, v1::CallRequest& request) {
      request.set_room_id(absl::StrCat("counter:", first + i));
      request.set_method("increment");
      request.mutable_args()->mutable_struct_value();
    });
    calls.Wait();
  });
}

}  // namespace atrium::bench
