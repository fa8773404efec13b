// Readers that follow a room without being members: the same over gRPC, as server-sent events and as lines of JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/watching.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WatchTest : public testing::TestWithParam<WatchDoor> {
 protected:
  std::unique_ptr<RoomReader> Watch(const std::string& room, const v1::Position* since = nullptr) {
    return WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), room, since);
  }
  bool NoObservers() {
    return Eventually([&] { return Observers(server_) == 0; });
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

TEST_P(WatchTest, IsToldThatTheRoomOfItsPositionWasDestroyed) {
  for (const char* const room : {"chat:fresh", "fresh"}) {
    const auto reader = Watch(room);
    const v1::Position position = reader->Read()->snapshot().position();
    ASSERT_EQ(server_.Call("DELETE", absl::StrCat("/api/rooms/", room)).status, 200);
    ASSERT_TRUE(reader->Read()->has_left());
    // At once and later, behind the end too, and from another shard's door.
    v1::Position ahead = position;
    ahead.set_offset(1000);
    for (const v1::Position& known : {position, ahead, position, position}) {
      const std::string text = absl::StrCat("Room '", room, "' was destroyed");
      EXPECT_THAT(Watch(room, &known)->End(),
                  StatusIs(absl::StatusCode::kNotFound, GetParam() == WatchDoor::kEvents ? "204" : text));
    }
    EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms/", room)).status, 404) << "nobody has made it again";
    v1::Position other = position;
    other.set_epoch("another");
    const v1::Snapshot anew = Watch(room, &other)->Read()->snapshot();
    EXPECT_NE(anew.position().epoch(), position.epoch());
    EXPECT_EQ(Watch(room)->Read()->snapshot().position().epoch(), anew.position().epoch());
    // Of another room that position is an unknown one.
    EXPECT_TRUE(Watch("elsewhere", &position)->Read()->has_snapshot());
  }
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
    EXPECT_EQ(Observers(server_), 1);
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
  const auto refusal = [&](const std::string& query) {
    HttpReader::Options options = Events();
    options.query = query;
    const HttpReply reply = HttpReader(server.http_port(), "r", options).reply();
    return absl::StrCat(reply.status, " ", reply.body);
  };
  EXPECT_THAT(refusal("?since.offset=x"), HasSubstr(R"("field":"since.offset")"));
  EXPECT_THAT(refusal("?since.offset=4"), HasSubstr("400 {\"code\":3,\"message\":\"since.epoch: is required"));
  EXPECT_THAT(refusal("?since=4"), HasSubstr("since: unknown query parameter"));
  EXPECT_EQ(server.Call("POST", "/api/rooms/r/events", "{}").status, 405);
  EXPECT_EQ(server.Get("/api/rooms/r").status, 404) << "none of these has created it";
}

}  // namespace
}  // namespace atrium
