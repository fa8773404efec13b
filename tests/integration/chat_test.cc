// The typed room `chat`, from outside.
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
using testing::AllOf;
using testing::ElementsAre;
using testing::SizeIs;

HttpReply Bring(const TestServer& server, const std::string& room, const TestClient& client) {
  return server.Post(absl::StrCat("/api/rooms/", room, "/members"),
                     absl::StrCat(R"({"memberId":")", client.id(), "\"}"));
}

TEST(ChatTest, IsCreatedByAMessage) {
  TestServer server;
  EXPECT_EQ(server.Get("/api/rooms/chat:lobby").status, 404);
  const json::value posted = server.Post("/api/rooms/chat:lobby/messages", R"({"user":"ci","text":"done"})").Json();
  EXPECT_EQ(posted.at("success"), true);
  EXPECT_EQ(posted.at("notified"), 0);
  EXPECT_EQ(posted.at("roomId"), "chat:lobby");
  EXPECT_EQ(posted.at("message").at("user"), "ci");
  const json::value room = server.Get("/api/rooms/chat:lobby").Json();
  EXPECT_EQ(room.at("type"), "chat");
  EXPECT_EQ(room.at("maxMembers"), 100);
  const json::value state = server.Get("/api/rooms/chat:lobby/state").Json().at("state");
  EXPECT_EQ(state.at("onlineCount"), 0);
  EXPECT_EQ(state.at("messages").at(0), posted.at("message"));
  EXPECT_EQ(server.Metric("atrium_rooms{type=\"chat\"}"), 1);
}

TEST(ChatTest, ShowsEveryMemberTheSameState) {
  TestServer server;
  std::vector<std::unique_ptr<TestClient>> members;
  std::vector<json::value> copies;
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient& member = *members.emplace_back(std::make_unique<TestClient>(server, door));
    ASSERT_EQ(Bring(server, "chat:lobby", member).status, 200);
    const v1::ServerFrame frame =
        member.WaitFor([](const v1::ServerFrame& frame) { return frame.has_snapshot(); }, "a snapshot");
    EXPECT_EQ(frame.snapshot().room().type(), "chat");
    copies.push_back(json::parse(JsonText(frame.snapshot().state())));
    EXPECT_EQ(copies.back().at("onlineCount"), static_cast<int>(members.size()));
  }
  // More than the room keeps, so that the front is dropped while the back grows.
  for (int i = 0; i < 105; ++i) {
    const HttpReply reply = server.Post("/api/rooms/chat:lobby/messages", absl::StrCat(R"({"text":"m)", i, "\"}"));
    EXPECT_EQ(reply.Json().at("notified"), 3);
  }
  members[2]->Leave("chat:lobby");
  const json::value end = server.Get("/api/rooms/chat:lobby/state").Json();
  const uint64_t last = std::stoull(TextOf(end.at("position").at("offset")));
  for (size_t i = 0; i < 2; ++i) {
    members[i]->WaitForOffset("chat:lobby", last);
    for (const v1::ServerFrame& frame : members[i]->RoomFrames("chat:lobby")) {
      if (frame.has_patch()) {
        EXPECT_TRUE(ApplyToCopy(frame.patch().operations(), copies[i]));
      }
    }
    EXPECT_EQ(copies[i], end.at("state"));
  }
  EXPECT_EQ(copies[0].at("onlineCount"), 2);
  EXPECT_EQ(copies[0].at("messages").as_array().size(), 100u);
  EXPECT_EQ(copies[0].at("messages").at(99).at("text"), "m104");
}

TEST(ChatTest, SendsThePatchBeforeTheEvent) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  Bring(server, "chat:lobby", ana);
  server.Post("/api/rooms/chat:lobby/messages", R"({"text":"hi"})");
  const v1::RoomEvent event = ana.WaitForEvent("chat:lobby", "chat:message");
  EXPECT_EQ(event.data().struct_value().fields().at("user").string_value(), "API Bot");
  const std::vector<v1::ServerFrame> frames = ana.RoomFrames("chat:lobby");
  EXPECT_THAT(Kinds(frames), ElementsAre("patch", "event:chat:message"));
  EXPECT_EQ(OffsetOf(frames[1]), OffsetOf(frames[0]) + 1);
}

TEST(ChatTest, CostsTheMessageAndNotTheHistory) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  Bring(server, "chat:lobby", ana);
  for (int i = 0; i < 101; ++i) server.Post("/api/rooms/chat:lobby/messages", absl::StrCat(R"({"text":"m)", i, "\"}"));
  const auto is_last = [](const v1::ServerFrame& frame) {
    const auto& fields = frame.event().data().struct_value().fields();
    const auto text = fields.find("text");
    return text != fields.end() && text->second.string_value() == "m100";
  };
  ana.WaitFor(is_last, "the last message");
  for (const v1::ServerFrame& frame : ana.RoomFrames("chat:lobby")) {
    EXPECT_LE(frame.patch().operations_size(), 2) << frame.patch().ShortDebugString();
  }
}

TEST(ChatTest, HoldsAHundredMembers) {
  TestServer server;
  std::vector<std::unique_ptr<TestClient>> members;
  for (int i = 0; i < 100; ++i) {
    members.push_back(std::make_unique<TestClient>(server, Door::kProto));
    ASSERT_EQ(Bring(server, "chat:lobby", *members.back()).status, 200);
  }
  TestClient late(server, Door::kJson);
  const HttpReply full = Bring(server, "chat:lobby", late);
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.Json().at("message"), "Room is full");
  EXPECT_EQ(full.Json().at("details").at(0).at("reason"), "ROOM_FULL");
  // A seat that comes free can be taken.
  members.back()->Leave("chat:lobby");
  EXPECT_EQ(Bring(server, "chat:lobby", late).status, 200);
  EXPECT_EQ(server.Metric("atrium_members{type=\"chat\"}"), 100);
}

TEST(ChatTest, RefusesWhatOnlyServersMayDo) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  const auto refused =
      StatusIs(absl::StatusCode::kPermissionDenied, "Room requires server-side join via component action");
  EXPECT_THAT(ana.Join("chat:lobby").error(), refused);
  // Before anything else is looked at.
  EXPECT_THAT(ana.Join("chat:lobby", "[]").error(), refused);
  EXPECT_EQ(server.Get("/api/rooms/chat:lobby").status, 404);

  Bring(server, "chat:lobby", ana);
  EXPECT_THAT(ana.SetState("chat:lobby", "{}").error(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "Room state is server-only"));
  EXPECT_THAT(ana.Emit("chat:lobby", "chat:message").error(), StatusIs(absl::StatusCode::kPermissionDenied));
  const HttpReply set = server.Call("PATCH", "/api/rooms/chat:lobby/state", "{}");
  EXPECT_EQ(set.status, 400);
  EXPECT_EQ(set.Json().at("message"), "Room state is server-only");
}

}  // namespace
}  // namespace atrium
