// Readers that follow a room without being members, over gRPC, as server-sent events and as lines of JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"
#include "tests/support/room_reader.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGrpcObservers[] = "atrium_observers{transport=\"grpc\"}";
constexpr char kSseObservers[] = "atrium_observers{transport=\"sse\"}";
constexpr char kLineObservers[] = "atrium_observers{transport=\"ndjson\"}";
constexpr char kDisconnected[] = "atrium_slow_consumers_total{policy=\"disconnect\"}";

HttpReader::Options Events(const std::string& last_event_id = "") {
  HttpReader::Options options{.headers = {{"Accept", "text/event-stream"}}};
  if (!last_event_id.empty()) options.headers["Last-Event-ID"] = last_event_id;
  return options;
}

void EmitInto(const TestServer& server, const std::string& room, const std::string& event,
              const std::string& rest = "") {
  const HttpReply reply =
      server.Post(absl::StrCat("/api/rooms/", room, "/emit"), absl::StrCat(R"({"event":")", event, "\"", rest, "}"));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

class WatchTest : public testing::TestWithParam<WatchDoor> {
 protected:
  std::unique_ptr<RoomReader> Watch(const std::string& room, const v1::Position* since = nullptr) {
    return WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), room, since);
  }
  bool NoObservers() {
    return Eventually([&] {
      return server_.Metric(kGrpcObservers) + server_.Metric(kSseObservers) + server_.Metric(kLineObservers) == 0;
    });
  }

  TestServer server_;
};

INSTANTIATE_TEST_SUITE_P(Doors, WatchTest, testing::Values(WatchDoor::kGrpc, WatchDoor::kEvents, WatchDoor::kLines),
                         [](const auto& info) { return WatchDoorName(info.param); });

TEST_P(WatchTest, SeesTheRoomAndThenAllThatIsPublicInItsOrder) {
  TestClient ana(server_, Door::kProto, "ana");
  ana.Join("r", R"({"topic":"x"})");
  const auto reader = Watch("r");
  const v1::Snapshot snapshot = reader->Read()->snapshot();
  EXPECT_FALSE(snapshot.recovered());
  EXPECT_EQ(snapshot.room().id(), "r");
  EXPECT_EQ(snapshot.room().member_count(), 1);
  EXPECT_EQ(snapshot.member_id(), "");
  EXPECT_EQ(JsonText(snapshot.state()), R"({"topic":"x"})");
  ASSERT_EQ(snapshot.members_size(), 1);
  EXPECT_EQ(snapshot.members(0).id(), ana.id());

  EXPECT_EQ(ana.Emit("r", "alone").emit().notified(), 0) << "an observer counts nowhere";
  ana.SetState("r", R"({"topic":"y"})");
  EmitInto(server_, "r", "whisper", absl::StrCat(R"(,"to":[")", ana.id(), "\"]"));
  EmitInto(server_, "r", "wave", R"(,"volatile":true)");
  TestClient bo(server_, Door::kJson, "bo");
  bo.Join("r");
  // As it was sent, with all its white space.
  EmitInto(server_, "r", "pretty", ",\"data\":{\n  \"text\": \"two\\nlines\"\r\n}");

  std::vector<v1::ServerFrame> frames;
  for (int i = 0; i < 5; ++i) frames.push_back(reader->Read().value());
  EXPECT_THAT(Kinds(frames), ElementsAre("event:alone", "patch", "event:wave", "member", "event:pretty"));
  const uint64_t start = snapshot.position().offset();
  EXPECT_THAT(Offsets(frames), ElementsAre(start + 1, start + 2, 0, start + 4, start + 5));
  EXPECT_EQ(frames[0].event().sender_id(), ana.id());
  EXPECT_EQ(JsonText(frames[4].event().data()), R"({"text":"two\nlines"})");
  EXPECT_EQ(server_.Get("/api/rooms/r").Json().at("memberCount").to_number<int>(), 2);
}

TEST_P(WatchTest, CreatesTheRoomAndEndsWithIt) {
  for (const char* const room : {"chat:fresh", "fresh"}) {
    const auto reader = Watch(room);
    EXPECT_EQ(reader->Read()->snapshot().room().member_count(), 0) << room;
    EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms/", room)).status, 200);
    EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/rooms/", room)).status, 200);
    const v1::Left left = reader->Read().value_or(v1::ServerFrame()).left();
    EXPECT_EQ(left.room_id(), room);
    EXPECT_EQ(left.reason(), v1::LEAVE_REASON_CLEANUP);
    EXPECT_THAT(reader->End(), IsOk());
  }
  EXPECT_TRUE(NoObservers());
}

TEST_P(WatchTest, GoesOnFromAPosition) {
  TestClient ana(server_, Door::kProto);
  ana.Join("r");
  const v1::Position since = ana.Emit("r", "one").emit().position();
  EmitInto(server_, "r", "whisper", absl::StrCat(R"(,"to":[")", ana.id(), "\"]"));
  EmitInto(server_, "r", "two");
  const auto reader = Watch("r", &since);
  const v1::Snapshot snapshot = reader->Read()->snapshot();
  EXPECT_TRUE(snapshot.recovered());
  EXPECT_EQ(PositionId(snapshot.position()), PositionId(since));
  EXPECT_FALSE(snapshot.has_state());
  EmitInto(server_, "r", "three");
  EXPECT_EQ(reader->Read()->event().event(), "two");
  EXPECT_EQ(reader->Read()->event().event(), "three");

  for (const auto& [epoch, offset] : {std::pair<std::string, uint64_t>("another", 1), {since.epoch(), 1000}}) {
    v1::Position unknown;
    unknown.set_epoch(epoch);
    unknown.set_offset(offset);
    const v1::Snapshot anew = Watch("r", &unknown)->Read()->snapshot();
    EXPECT_FALSE(anew.recovered());
    EXPECT_TRUE(anew.has_state());
    EXPECT_EQ(anew.position().offset(), since.offset() + 3);
  }
}

TEST_P(WatchTest, IsRefusedWithTheFieldAtFault) {
  EXPECT_THAT(Watch("bad%20id")->End(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Invalid room name")));
  EXPECT_TRUE(NoObservers());
}

TEST_P(WatchTest, IsNoticedWhenTheReaderGoes) {
  {
    const auto reader = Watch("r");
    ASSERT_TRUE(reader->Read().has_value());
    EXPECT_EQ(server_.Metric(kGrpcObservers) + server_.Metric(kSseObservers) + server_.Metric(kLineObservers), 1);
  }
  EXPECT_TRUE(NoObservers());
  EmitInto(server_, "r", "nobody");
}

TEST_P(WatchTest, EndsWhenTheServerStops) {
  std::vector<std::unique_ptr<RoomReader>> readers;
  for (int i = 0; i < 4; ++i) {
    readers.push_back(Watch("r"));
    ASSERT_TRUE(readers.back()->Read().has_value());
  }
  const absl::Time start = absl::Now();
  std::thread drain([this] { server_.Drain(); });
  for (const auto& reader : readers) {
    EXPECT_THAT(reader->End(),
                StatusIs(GetParam() == WatchDoor::kGrpc ? absl::StatusCode::kUnavailable : absl::StatusCode::kOk));
  }
  drain.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
}

TEST_P(WatchTest, MayBeCutByTheEndOfTheServer) {
  auto server = std::make_unique<TestServer>();
  const auto reader = WatchRoom(GetParam(), server->http_port(), server->grpc_port(), "r");
  ASSERT_TRUE(reader->Read().has_value());
  server = nullptr;
  reader->End().IgnoreError();
}

TEST(WatchRequestTest, NamesTheFieldAtFault) {
  const TestServer server;
  const auto refusal = [&](const std::string& query, const std::string& id = "") {
    HttpReader::Options options = Events(id);
    options.query = query;
    const HttpReply reply = HttpReader(server.http_port(), "r", options).reply();
    return absl::StrCat(reply.status, " ", reply.body);
  };
  EXPECT_THAT(refusal("?since.offset=x"), HasSubstr(R"("field":"since.offset")"));
  EXPECT_THAT(refusal("?since.offset=4"), HasSubstr("400 {\"code\":3,\"message\":\"since.epoch: is required"));
  EXPECT_THAT(refusal("?since=4"), HasSubstr("since: unknown query parameter"));
  EXPECT_THAT(refusal("", "what?"), HasSubstr("Last-Event-ID: must be a position"));
  EXPECT_THAT(refusal("", ":4"), HasSubstr("since.epoch: is required"));
  EXPECT_EQ(server.Call("POST", "/api/rooms/r/events", "{}").status, 405);
  EXPECT_EQ(server.Get("/api/rooms/r").status, 404) << "none of these has created it";
}

TEST(EventStreamTest, IsWhatBrowsersExpect) {
  const TestServer server({"--ping-interval=100ms", "--request-timeout=200ms"});
  HttpReader reader(server.http_port(), "r", Events());
  const auto& headers = reader.reply().headers;
  EXPECT_EQ(reader.reply().status, 200);
  EXPECT_EQ(headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(headers.at("cache-control"), "no-cache");
  EXPECT_EQ(headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(headers.at("transfer-encoding"), "chunked");
  const HttpReader::Frame snapshot = reader.Read().value();
  EXPECT_EQ(reader.comments(), 1);
  EXPECT_EQ(reader.retry_ms(), 2000);
  EXPECT_EQ(snapshot.id, PositionId(snapshot.frame.snapshot().position()));
  EmitInto(server, "r", "wave", R"(,"volatile":true)");
  EmitInto(server, "r", "hello");
  EXPECT_EQ(reader.Read()->id, "") << "a volatile event is no position";
  EXPECT_EQ(reader.Read()->id, absl::StrCat(snapshot.frame.snapshot().position().epoch(), ":1"));
  // Longer than the request timeout, and it is still there.
  EXPECT_FALSE(reader.Read(absl::Seconds(1)).has_value());
  EXPECT_FALSE(reader.ended());
  EXPECT_GE(reader.comments(), 4);
  EmitInto(server, "r", "again");
  EXPECT_EQ(reader.Read()->frame.event().event(), "again");
}

TEST(EventStreamTest, HasAHeadOnlyForHead) {
  const TestServer server;
  TcpSocket socket(server.http_port());
  socket.Send("HEAD /api/rooms/r/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  std::string unread;
  const HttpReply reply = ReadHttpReply(socket, unread, absl::Now() + kPatience);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
  while (socket.Receive(unread, absl::Now() + kPatience)) {
  }
  EXPECT_TRUE(socket.ended());
  EXPECT_EQ(unread, "");
  EXPECT_EQ(server.Get("/api/rooms/r").status, 404) << "it watches nothing";
}

TEST(EventStreamTest, EndsWithTheConnectionForHttp10) {
  const TestServer server;
  HttpReader::Options options = Events();
  options.version = "1.0";
  HttpReader reader(server.http_port(), "r", options);
  EXPECT_FALSE(reader.reply().headers.contains("transfer-encoding") &&
               reader.reply().headers.at("transfer-encoding") != "");
  EXPECT_TRUE(reader.Read()->frame.has_snapshot());
  server.Call("DELETE", "/api/rooms/r");
  EXPECT_TRUE(reader.Read()->frame.has_left());
  EXPECT_FALSE(reader.Read().has_value());
  EXPECT_TRUE(reader.ended());
}

// Readers that lose their connection after every few frames, while many emit.
TEST(WatchResumeTest, HasNoGapAndNoDuplicateOverReconnects) {
  const TestServer server;
  constexpr int kEmitters = 3;
  constexpr int kEach = 150;
  HttpReader first(server.http_port(), "r", Events());
  const std::string start = first.Read()->id;
  std::vector<std::thread> emitters;
  for (int i = 0; i < kEmitters; ++i) {
    emitters.emplace_back([&server] {
      for (int n = 0; n < kEach; ++n) EmitInto(server, "r", "e");
    });
  }
  std::vector<uint64_t> offsets;
  std::string id = start;
  int connections = 0;
  for (bool more = true; more && offsets.size() < kEmitters * kEach; ++connections) {
    HttpReader reader(server.http_port(), "r", Events(id));
    const std::optional<HttpReader::Frame> snapshot = reader.Read();
    ASSERT_TRUE(snapshot.has_value() && snapshot->frame.snapshot().recovered());
    EXPECT_EQ(snapshot->id, id);
    for (int n = 0; n < connections % 7 + 1 && offsets.size() < kEmitters * kEach; ++n) {
      const std::optional<HttpReader::Frame> frame = reader.Read();
      more = frame.has_value();
      ASSERT_TRUE(more) << "after " << offsets.size();
      offsets.push_back(OffsetOf(frame->frame));
      id = frame->id;
    }
  }
  for (std::thread& emitter : emitters) emitter.join();
  ASSERT_EQ(offsets.size(), static_cast<size_t>(kEmitters * kEach));
  for (size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(offsets[i], i + 1);
  EXPECT_GT(connections, 50);
  // One that has stayed has seen the same.
  for (size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(OffsetOf(first.Read()->frame), i + 1);
}

class SlowReaderTest : public testing::TestWithParam<WatchDoor> {
 protected:
  static constexpr size_t kEventBytes = 20'000;

  void Emit() { EmitInto(server_, "r", "bulk", absl::StrCat(R"(,"data":")", std::string(kEventBytes, 'x'), "\"")); }

  TestServer server_{{"--send-queue-bytes=300000", "--history-frames=0", "--history-bytes=0"}};
};

INSTANTIATE_TEST_SUITE_P(Doors, SlowReaderTest,
                         testing::Values(WatchDoor::kGrpc, WatchDoor::kEvents, WatchDoor::kLines),
                         [](const auto& info) { return WatchDoorName(info.param); });

TEST_P(SlowReaderTest, LosesItsStreamAloneAndComesBackToWhereItWas) {
  const auto slow = WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), "r");
  v1::Position position = slow->Read()->snapshot().position();
  const auto other = WatchRoom(WatchDoor::kEvents, server_.http_port(), server_.grpc_port(), "r");
  ASSERT_TRUE(other->Read().has_value());
  uint64_t emitted = 0;
  while (emitted < 5000 && server_.Metric(kDisconnected) < 1) {
    // The other reads all along; what it and the kernel hold of the slow one is bounded.
    for (int i = 0; i < 10; ++i) {
      Emit();
      ASSERT_EQ(OffsetOf(other->Read().value_or(v1::ServerFrame())), ++emitted);
    }
  }
  ASSERT_EQ(server_.Metric(kDisconnected), 1) << "after " << emitted << " events";
  EXPECT_TRUE(Eventually([&] {
    return server_.Metric(kGrpcObservers) + server_.Metric(kSseObservers) + server_.Metric(kLineObservers) == 1;
  }));

  // What it can still read is whole and in order; then it is told, or sees that the stream broke off.
  while (const std::optional<v1::ServerFrame> frame = slow->Read()) {
    ASSERT_EQ(OffsetOf(*frame), position.offset() + 1);
    position.set_offset(OffsetOf(*frame));
  }
  EXPECT_LT(position.offset(), emitted);
  EXPECT_THAT(slow->End(), StatusIs(GetParam() == WatchDoor::kGrpc ? absl::StatusCode::kResourceExhausted
                                                                   : absl::StatusCode::kUnknown));
  const auto back = WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), "r", &position);
  EXPECT_TRUE(back->Read()->snapshot().recovered());
  while (position.offset() < emitted) {
    ASSERT_EQ(OffsetOf(back->Read().value_or(v1::ServerFrame())), position.offset() + 1);
    position.set_offset(position.offset() + 1);
  }
}

TEST(ManyReadersTest, SeeTheSame) {
  const TestServer server;
  std::vector<std::unique_ptr<RoomReader>> readers;
  for (int i = 0; i < 30; ++i) {
    readers.push_back(WatchRoom(static_cast<WatchDoor>(i % 3), server.http_port(), server.grpc_port(), "r"));
    ASSERT_TRUE(readers.back()->Read().has_value());
  }
  EXPECT_EQ(server.Metric(kGrpcObservers), 10);
  EXPECT_EQ(server.Metric(kSseObservers), 10);
  EXPECT_EQ(server.Metric(kLineObservers), 10);
  for (int i = 0; i < 50; ++i) EmitInto(server, "r", absl::StrCat("e", i));
  std::set<std::vector<std::string>> seen;
  for (const auto& reader : readers) {
    std::vector<std::string> texts;
    for (int i = 0; i < 50; ++i) texts.push_back(reader->Read().value_or(v1::ServerFrame()).ShortDebugString());
    seen.insert(std::move(texts));
  }
  EXPECT_EQ(seen.size(), 1u);
}

}  // namespace
}  // namespace atrium
