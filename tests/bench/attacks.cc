#include "tests/bench/attacks.h"

#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "atrium/v1/frames.pb.h"
#include "server/wire/deflate.h"
#include "tests/bench/attacker.h"
#include "tests/bench/check.h"
#include "tests/bench/client.h"
#include "tests/bench/grpc_calls.h"
#include "tests/bench/own_connection.h"
#include "tests/bench/pair.h"

namespace atrium::bench {
namespace {

constexpr double kMessagesPerSecond = 20;
// RFC 6455 section 5.2, RFC 7692 section 6.
constexpr uint8_t kText = 0x81, kBeginText = 0x01, kContinue = 0x00, kCompressedText = 0xc1;

// One client, until it is to stop.
using Attack = std::function<void(int client, const ChildProcess& server, const std::atomic<bool>& stop)>;

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// Sends `opening` once and `bytes` for ever over a WebSocket, as fast as the server takes them, and comes again when it
// is cut off.
Attack Flood(std::string bytes, bool deflate = false, std::string opening = "") {
  return [=](int, const ChildProcess& server, const std::atomic<bool>& stop) {
    while (!stop) {
      Attacker attacker(server.Port("http"));
      bool open = attacker.OpenWebSocket(deflate);
      absl::string_view unsent = opening;
      while (open && !stop) {
        if (unsent.empty()) unsent = bytes;
        open = attacker.Send(unsent);
        attacker.Drain();
      }
    }
  };
}

Attack FloodOfWhatInflates() {
  std::string text = R"({"id":7,"getState":{"roomId":"attack"}})";
  text.resize(65'000, ' ');
  Deflater deflater(1);
  return Flood(Repeat(MaskedFrame(kCompressedText, deflater.Deflate(text)), 1000), /*deflate=*/true);
}

// 10,000 numbers in one order and in another.
Attack FloodOfShuffledLists() {
  std::vector<int> numbers(10'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::string bytes;
  for (int i = 0; i < 2; ++i) {
    absl::StrAppend(&bytes, MaskedText(absl::StrCat(R"({"id":7,"setState":{"roomId":"attack","state":{"l":[)",
                                                    absl::StrJoin(numbers, ","), "]}}}")));
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937(1));
  }
  return Flood(bytes, /*deflate=*/false, MaskedText(R"({"id":2,"join":{"roomId":"attack"}})"));
}

// Two million empty frames in one message on a gRPC stream, serialised once.
void SendManyFrames(int, const ChildProcess& server, const std::atomic<bool>& stop) {
  const std::string frame = {static_cast<char>(v1::ClientFrames::kFramesFieldNumber << 3 | 2), 0};
  const ::grpc::Slice bytes(Repeat(frame, 2'000'000));
  const ::grpc::ByteBuffer message(&bytes, 1);
  ::grpc::GenericStub stub(OwnConnection(server.Port("grpc")));
  ::grpc::CompletionQueue queue;
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  while (!stop) {
    ::grpc::ClientContext context;
    const auto stream = stub.PrepareCall(&context, "/atrium.v1.SessionService/Connect", &queue);
    stream->StartCall(nullptr);
    wait();
    stream->Write(message, nullptr);
    wait();
    ::grpc::ByteBuffer answer;
    do {
      stream->Read(&answer, nullptr);
    } while (wait());
    ::grpc::Status status;
    stream->Finish(&status, nullptr);
    wait();
  }
}

// Looks for what none of all rooms is.
void ListInVain(int, const ChildProcess& server, const std::atomic<bool>& stop) {
  GrpcCalls<v1::ListRoomsRequest, v1::ListRoomsResponse> calls(server.Port("grpc"), &RoomMethods::ListRooms);
  v1::ListRoomsRequest request;
  request.set_filter("member_count > 1000");
  while (!stop) calls.Once(request);
}

// Sets a state to lists as long as one change may have them, one after the other, and to one that is refused.
void SetLongLists(int client, const ChildProcess& server, const std::atomic<bool>& stop) {
  const auto stub = v1::RoomService::NewStub(OwnConnection(server.Port("grpc")));
  const auto list_of = [client](int count, double number) {
    v1::SetStateRequest request;
    request.set_room_id(absl::StrCat("attack-", client));
    auto& fields = *request.mutable_state()->mutable_struct_value()->mutable_fields();
    for (int i = 0; i < count; ++i) fields["l"].mutable_list_value()->add_values()->set_number_value(number + i);
    return request;
  };
  const std::vector<v1::SetStateRequest> requests = {list_of(49'000, 0), list_of(49'000, 0.5), list_of(100'000, 0)};
  while (!stop) {
    for (const v1::SetStateRequest& request : requests) {
      ::grpc::ClientContext context;
      v1::SetStateResponse response;
      const bool taken = stub->SetState(&context, request, &response).ok();
      Check(taken == (&request != &requests.back()), "a list is as long as it may be, or longer");
    }
  }
}

// Asks for large answers and reads none of them.
void AskForMetrics(int, const ChildProcess& server, const std::atomic<bool>& stop) {
  const std::string requests = Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000);
  while (!stop) {
    Attacker attacker(server.HasPort("admin") ? server.Port("admin") : server.Port("http"));
    absl::string_view unsent = requests;
    const absl::Time end = absl::Now() + absl::Seconds(1);
    while (!stop && absl::Now() < end && attacker.Send(unsent)) {
      if (unsent.empty()) unsent = requests;
    }
  }
}

// So many event streams of each client on one room, into which one of them emits 20 times a second.
Attack FollowARoom(int streams) {
  return [streams](int client, const ChildProcess& server, const std::atomic<bool>& stop) {
    GrpcCalls<v1::EmitRequest, v1::EmitResponse> emits(server.Port("grpc"), &RoomMethods::Emit);
    std::vector<Attacker> readers;
    for (int i = 0; i < streams && !stop; ++i) {
      absl::string_view request = "GET /api/rooms/attack/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
      readers.emplace_back(server.Port("http")).Send(request);
    }
    while (!stop) {
      v1::EmitRequest request;
      request.set_room_id("attack");
      request.set_event("e");
      if (client == 0) emits.Once(request);
      for (Attacker& reader : readers) reader.Drain();
      absl::SleepFor(absl::Milliseconds(50));
    }
  };
}

void MakeRooms(const ChildProcess& server, int count) {
  GrpcCalls<v1::SetStateRequest, v1::SetStateResponse> calls(server.Port("grpc"), &RoomMethods::SetState);
  calls.StartCount(count, [](int i, v1::SetStateRequest& request) {
    request.set_room_id(absl::StrCat("bench-", i));
    request.mutable_state()->mutable_struct_value();
  });
  calls.Wait();
}

double MillisecondsWhile(Pair& pair, const ChildProcess& server, const Attack& attack, const AttackOptions& options) {
  return pair.P99While([&] {
    std::atomic<bool> stop{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < options.clients; ++i) clients.emplace_back([&, i] { attack(i, server, stop); });
    absl::SleepFor(options.length);
    stop = true;
    for (std::thread& client : clients) client.join();
  }) / 1000;
}

}  // namespace

std::vector<Figure> MeasureAttacks(const std::function<std::unique_ptr<ChildProcess>()>& start,
                                   const AttackOptions& options) {
  const std::string broken = absl::StrCat("{\"id\":7,", std::string(60'000, '['));
  const std::vector<std::pair<std::string, Attack>> attacks = {
      {"messages that inflate to 65 kB", FloodOfWhatInflates()},
      {"requests over the rate", Flood(Repeat(MaskedText(R"({"id":7,"getState":{"roomId":"attack"}})"), 1000))},
      {"empty fragments", Flood(Repeat(MaskedFrame(kContinue, ""), 1000), false, MaskedFrame(kBeginText, ""))},
      {"2,000,000 frames in a message", SendManyFrames},
      {absl::StrCat("lists of ", options.rooms, " rooms in vain"), ListInVain},
      {"pipelined /metrics, not read", AskForMetrics},
      {"broken JSON of 60 kB", Flood(MaskedFrame(kText, broken))},
      {"shuffled lists of 10,000", FloodOfShuffledLists()},
      {"states of 49,000 and 100,000 values", SetLongLists},
      {absl::StrCat(options.streams, " event streams on one room"), FollowARoom(options.streams / options.clients)},
  };
  std::vector<Figure> figures;
  for (const auto& [name, attack] : attacks) {
    const std::unique_ptr<ChildProcess> server = start();
    MakeRooms(*server, options.rooms);
    Pair pair(*server, kMessagesPerSecond);
    const double quiet = pair.P99(options.length) / 1000;
    Figure figure(absl::StrCat("p99 ms, a pair beside ", options.clients, " clients: ", name));
    figure.Add(MillisecondsWhile(pair, *server, attack, options), quiet);
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace atrium::bench
