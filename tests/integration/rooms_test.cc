// Rooms by their members' requests: state, membership, and how long a room lives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/json_patch.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RoomsTest : public testing::TestWithParam<int> {
 protected:
  RoomsTest()
      : server_({absl::StrCat("--shards=", GetParam()), "--resume-window=0s"}),
        ana_(server_, Door::kJson, "ana"),
        bia_(server_, Door::kGrpc, "bia") {}

  json::value RestState(const std::string& room) {
    return server_.Get(absl::StrCat("/api/rooms/", room, "/state")).Json().at("state");
  }

  TestServer server_;
  TestClient ana_;
  TestClient bia_;
};

INSTANTIATE_TEST_SUITE_P(Shards, RoomsTest, testing::Values(1, 2),
                         [](const auto& info) { return absl::StrCat(info.param); });

TEST_P(RoomsTest, StartWithTheStateOfTheFirstJoinOnly) {
  const v1::Reply first = ana_.Join("geral", R"({"topic":"first"})");
  EXPECT_EQ(JsonText(first.join().state()), R"({"topic":"first"})");
  EXPECT_EQ(first.join().room().id(), "geral");
  EXPECT_EQ(first.join().room().type(), "");
  EXPECT_FALSE(first.join().position().epoch().empty());
  const v1::Reply second = bia_.Join("geral", R"({"topic":"second"})");
  EXPECT_EQ(JsonText(second.join().state()), R"({"topic":"first"})");
  EXPECT_EQ(second.join().position().epoch(), first.join().position().epoch());
  EXPECT_THAT(ana_.Join("bad", "[1]").error(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(server_.Get("/api/rooms/bad").status, 404);
}

TEST_P(RoomsTest, KeepEveryCopyOfTheStateEqual) {
  const v1::Reply joined = ana_.Join("geral", R"({"keep":1})");
  bia_.Join("geral");
  const std::vector<std::string> merges = {
      R"({"list":[1,2,3],"deep":{"a":{"b":1},"c/d":"~","":0}})",
      R"({"list":[2,3,4,5],"deep":{"a":{"b":null,"e":[]},"c/d":null}})",
      R"({"list":{"now":"an object"},"deep":{"a":5},"n":-0.5,"s":"\u0000\"\\é"})",
      R"({"list":null,"keep":null,"deep":{"":{"x":true}}})",
      R"({"keep":{"again":[{"a":1},{"b":[[]]}]}})",
  };
  uint64_t last = 0;
  for (size_t i = 0; i < merges.size(); ++i) {
    TestClient& client = i % 2 == 0 ? ana_ : bia_;
    const v1::Reply reply = client.SetState("geral", merges[i]);
    ASSERT_TRUE(reply.has_set_state()) << reply.ShortDebugString();
    last = reply.set_state().position().offset();
  }
  json::value copy = json::parse(JsonText(joined.join().state()));
  ana_.WaitForOffset("geral", last);
  for (const v1::ServerFrame& frame : ana_.RoomFrames("geral")) {
    if (frame.has_patch()) {
      EXPECT_TRUE(ApplyToCopy(frame.patch().operations(), copy));
    }
  }
  EXPECT_EQ(copy, RestState("geral"));
  EXPECT_EQ(copy, json::parse(JsonText(bia_.GetState("geral").get_state().state())));
  EXPECT_EQ(copy, json::parse(R"({"deep":{"a":5,"":{"x":true}},"n":-0.5,"s":"\u0000\"\\é",
                                  "keep":{"again":[{"a":1},{"b":[[]]}]}})"));
}

TEST_P(RoomsTest, TellNothingWhenNothingChanges) {
  const uint64_t offset = ana_.Join("geral", R"({"topic":"a"})").join().position().offset();
  EXPECT_EQ(ana_.SetState("geral", R"({"topic":"a","absent":null})").set_state().position().offset(), offset);
  EXPECT_EQ(ana_.SetState("geral", "{}").set_state().position().offset(), offset);
  EXPECT_THAT(ana_.RoomFrames("geral"), IsEmpty());
}

TEST_P(RoomsTest, AreForTheirMembersOnly) {
  bia_.Join("geral");
  for (const std::string room : {"geral", "absent"}) {
    const auto refused = StatusIs(absl::StatusCode::kPermissionDenied, "Not a member of this room");
    EXPECT_THAT(ana_.Emit(room, "x").error(), refused);
    EXPECT_THAT(ana_.SetState(room, "{}").error(), refused);
    EXPECT_THAT(ana_.GetState(room).error(), refused);
    EXPECT_THAT(ana_.Leave(room).error(), StatusIs(absl::StatusCode::kNotFound));
  }
  EXPECT_EQ(server_.Get("/api/rooms/absent").status, 404);
  bia_.Emit("geral", "y");
  EXPECT_THAT(bia_.RoomFrames("geral"), IsEmpty());
}

TEST_P(RoomsTest, MayBeJoinedTwiceWithoutHarm) {
  const v1::Reply first = ana_.Join("geral");
  bia_.Join("geral");
  const v1::Reply again = ana_.Join("geral");
  EXPECT_EQ(again.join().member_id(), ana_.id());
  EXPECT_THAT(again.join().members(), SizeIs(2));
  EXPECT_EQ(again.join().position().offset(), first.join().position().offset() + 1);
  EXPECT_EQ(bia_.Emit("geral", "once").emit().notified(), 1);
  ana_.WaitForEvent("geral", "once");
  EXPECT_THAT(Kinds(ana_.RoomFrames("geral")), ElementsAre("member", "event:once"));
}

TEST_P(RoomsTest, TellHowAMemberLeft) {
  ana_.Join("geral");
  std::vector<std::string> gone;
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    // One says goodbye, one just drops its connection, one asks to leave.
    auto polite = std::make_unique<TestClient>(server_, door);
    auto rude = std::make_unique<TestClient>(server_, door);
    TestClient asking(server_, door);
    for (TestClient* client : {polite.get(), rude.get(), &asking}) client->Join("geral");
    asking.Leave("geral");
    polite->SayLeave();
    rude.reset();
    EXPECT_TRUE(Eventually([&] { return server_.Get("/api/rooms/geral").Json().at("memberCount") == 1; }))
        << DoorName(door);
  }
  const uint64_t last = bia_.Join("geral").join().position().offset();
  ana_.WaitForOffset("geral", last);
  int asked = 0;
  int disconnected = 0;
  for (const v1::ServerFrame& frame : ana_.RoomFrames("geral")) {
    for (const v1::Departure& departure : frame.member().left()) {
      asked += departure.reason() == v1::LEAVE_REASON_LEAVE;
      disconnected += departure.reason() == v1::LEAVE_REASON_DISCONNECT;
    }
  }
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(disconnected, 6);
}

TEST_P(RoomsTest, LeaveNoGhostOfASessionThatGoesWhileItJoins) {
  for (int round = 0; round < 20; ++round) {
    TestClient passing(server_, round % 2 == 0 ? Door::kProto : Door::kGrpc);
    passing.Send(JoinFrame("geral"));
  }
  EXPECT_TRUE(Eventually([&] {
    return server_.Metric("atrium_members{type=\"untyped\"}") == 0 &&
           server_.Metric("atrium_sessions{transport=\"grpc\"}") == 1;
  }));
}

TEST(RoomLifeTest, EndsSomeTimeAfterTheLastMember) {
  TestServer server({"--empty-ttl=300ms"});
  TestClient ana(server, Door::kJson);
  const std::string epoch = ana.Join("geral", R"({"topic":"kept"})").join().position().epoch();
  ana.Leave("geral");
  // It is kept: the same history goes on.
  const v1::Reply back = ana.Join("geral");
  EXPECT_EQ(back.join().position().epoch(), epoch);
  EXPECT_EQ(JsonText(back.join().state()), R"({"topic":"kept"})");
  ana.Leave("geral");
  EXPECT_EQ(server.Get("/api/rooms/geral").status, 200);
  EXPECT_TRUE(Eventually([&] { return server.Get("/api/rooms/geral").status == 404; }));
  EXPECT_EQ(server.Metric("atrium_rooms{type=\"untyped\"}"), 0);
  const v1::Reply anew = ana.Join("geral");
  EXPECT_NE(anew.join().position().epoch(), epoch);
  EXPECT_EQ(JsonText(anew.join().state()), "{}");
}

TEST(RoomLifeTest, BeginsWithAServicesState) {
  TestServer server({"--empty-ttl=300ms", "--max-state-bytes=100"});
  EXPECT_EQ(server.Call("PATCH", "/api/rooms/geral/state", R"({"a":1})").status, 200);
  EXPECT_EQ(server.Get("/api/rooms/geral/state").Json().at("state"), json::parse(R"({"a":1})"));
  const HttpReply large =
      server.Call("PATCH", "/api/rooms/geral/state", absl::StrCat("{\"b\":\"", std::string(100, 'x'), "\"}"));
  EXPECT_EQ(large.status, 429);
  EXPECT_EQ(large.Json().at("message"), "Room state exceeds maximum size limit");
  EXPECT_EQ(server.Get("/api/rooms/geral/state").Json().at("state"), json::parse(R"({"a":1})"));
  EXPECT_TRUE(Eventually([&] { return server.Get("/api/rooms/geral").status == 404; }));
}

}  // namespace
}  // namespace atrium
