#include "tests/bench/churn.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/grpc_calls.h"
#include "tests/bench/pair.h"

namespace atrium::bench {
namespace {

constexpr double kMessagesPerSecond = 1000;

std::string RoomName(int room) { return absl::StrCat("bench-churn-", room); }

void MakeRooms(uint16_t port, int rooms) {
  GrpcCalls<v1::SetStateRequest, v1::SetStateResponse> calls(port, &RoomMethods::SetState);
  calls.StartCount(rooms, [](int i, v1::SetStateRequest& request) {
    request.set_room_id(RoomName(i));
    (*request.mutable_state()->mutable_struct_value()->mutable_fields())["n"].set_number_value(1);
  });
  calls.Wait();
}

void DestroyRooms(uint16_t port, int rooms) {
  GrpcCalls<v1::DestroyRoomRequest, v1::DestroyRoomResponse> calls(port, &RoomMethods::DestroyRoom);
  calls.StartCount(rooms, [](int i, v1::DestroyRoomRequest& request) { request.set_room_id(RoomName(i)); });
  calls.Wait();
}

double Most(const std::vector<double>& latencies_us) {
  return *std::max_element(latencies_us.begin(), latencies_us.end());
}

}  // namespace

std::vector<Figure> MeasureChurn(const CrowdServers& servers, int rooms, int rounds, absl::Duration quiet,
                                 std::vector<std::string>& notes) {
  const std::string name = absl::StrCat(" ms of a pair, while ", rooms, " rooms come and go");
  Figure p99("p99" + name);
  Figure most("max" + name);
  const std::unique_ptr<ChildProcess> atriumd = servers.atrium();
  Pair pair(*atriumd, kMessagesPerSecond);
  const std::unique_ptr<ChildProcess> sender = servers.bare(pair.last_event());
  Pair bare(*sender, sender->Port("tcp"), Opening::kGroup, kMessagesPerSecond);
  std::vector<double> bare_p99_ms;
  std::vector<double> bare_most_ms;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> before = pair.Latencies(quiet);
    std::vector<double> of_bare;
    std::vector<double> of_pair = pair.LatenciesWhile([&] {
      of_bare = bare.LatenciesWhile([&] {
        MakeRooms(atriumd->Port("grpc"), rooms);
        DestroyRooms(atriumd->Port("grpc"), rooms);
      });
    });
    p99.Add(Percentile(of_pair, 0.99) / 1000, Percentile(before, 0.99) / 1000);
    most.Add(Most(of_pair) / 1000, Most(before) / 1000);
    bare_p99_ms.push_back(Percentile(of_bare, 0.99) / 1000);
    bare_most_ms.push_back(Most(of_bare) / 1000);
  }
  notes.push_back(absl::StrFormat(
      "While %d rooms come and go, a pair at the bare loop beside them has a p99 of %.2f ms and a maximum of %.2f ms.",
      rooms, Median(bare_p99_ms), Median(bare_most_ms)));
  std::vector<Figure> figures;
  figures.push_back(std::move(p99));
  figures.push_back(std::move(most));
  return figures;
}

}  // namespace atrium::bench
