// Methods, typed events, room administration and volatile events, through every door.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

// One method for services, one for members, and an event that members may emit.
class DeskRoom final : public LiveRoom<rooms::ChatState, rooms::ChatMeta> {
 public:
  static constexpr absl::string_view kName = "desk";
  static void Describe(RoomType<DeskRoom>& type) {
    type.Method("close", &DeskRoom::Close)
        .Method("say", &DeskRoom::Say, Access::kMember)
        .FromMembers<rooms::ChatMessage>("typing");
  }
  absl::StatusOr<rooms::ChatMessage> Close(const rooms::AddMessageRequest&, const CallContext& call) {
    rooms::ChatMessage answer;
    answer.set_text(call.member ? "a member" : "a service");
    return answer;
  }
  absl::StatusOr<rooms::ChatMessage> Say(const rooms::AddMessageRequest& request, const CallContext& call) {
    rooms::ChatMessage message;
    message.set_user(call.member ? call.member->user_id : "a service");
    message.set_text(request.text());
    Emit("said", message);
    return message;
  }
};

absl::Status AddDesk(RoomRegistry& registry) { return registry.Add<DeskRoom>(); }

HttpReply Bring(const TestServer& server, const std::string& room, const TestClient& client) {
  return server.Post(absl::StrCat("/api/rooms/", room, "/members"),
                     absl::StrCat(R"({"memberId":")", client.id(), "\"}"));
}

v1::ClientFrame CallFrame(const std::string& room, const std::string& method, const std::string& args) {
  v1::ClientFrame frame;
  frame.mutable_call()->set_room_id(room);
  frame.mutable_call()->set_method(method);
  *frame.mutable_call()->mutable_args() = JsonValue(args);
  return frame;
}

TEST(RoomModelTest, ServicesCallMethodsOverRestAndGrpc) {
  TestServer server({}, AddDesk);
  const HttpReply rest = server.Post("/api/rooms/desk:a/methods/close", "{}");
  EXPECT_EQ(rest.status, 200) << rest.body;
  EXPECT_EQ(rest.Json().at("result").at("text"), "a service");

  const auto stub = v1::RoomService::NewStub(GrpcChannel(server.grpc_port()));
  v1::CallRequest request;
  request.set_room_id("desk:a");
  request.set_method("say");
  *request.mutable_args() = JsonValue(R"({"text":"hello"})");
  v1::CallResponse response;
  const grpc::Status status = CallGrpc(*stub, &v1::RoomService::Stub::Call, request, response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(json::parse(JsonText(response.result())).at("text"), "hello");
}

TEST(RoomModelTest, MembersCallWhatTheyMayThroughEachDoor) {
  TestServer server({}, AddDesk);
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient member(server, door, "ana");
    EXPECT_EQ(member.Ask(CallFrame("desk:a", "say", "{}")).error().message(), "Not a member of this room");
    ASSERT_EQ(Bring(server, "desk:a", member).status, 200);
    const v1::Reply said = member.Ask(CallFrame("desk:a", "say", R"({"user":"forged","text":"hi"})"));
    EXPECT_EQ(json::parse(JsonText(said.call().result())).at("user"), "ana") << said.DebugString();
    EXPECT_EQ(json::parse(JsonText(member.WaitForEvent("desk:a", "said").data())).at("text"), "hi");
    EXPECT_EQ(member.Ask(CallFrame("desk:a", "close", "{}")).error().message(), "Members may not call 'close'");
  }
}

TEST(RoomModelTest, ABadCallNamesWhatIsWrong) {
  TestServer server({}, AddDesk);
  const HttpReply field = server.Post("/api/rooms/desk:a/methods/say", R"({"txt":"x"})");
  EXPECT_EQ(field.status, 400);
  EXPECT_THAT(field.body, HasSubstr(R"("field":"args.txt")"));
  EXPECT_THAT(server.Post("/api/rooms/desk:a/methods/say", "[1]").body, HasSubstr("args: must be a JSON object"));
  EXPECT_THAT(server.Post("/api/rooms/desk:a/methods/no", "{}").body,
              HasSubstr("Rooms of type 'desk' have no method 'no'"));
  EXPECT_EQ(server.Post("/api/rooms/geral/methods/say", "{}").status, 400);
}

TEST(RoomModelTest, TypedRoomsTakeOnlyTheEventsThatTheyDescribe) {
  TestServer server({}, AddDesk);
  TestClient ana(server, Door::kJson, "ana");
  TestClient bo(server, Door::kGrpc, "bo");
  ASSERT_EQ(Bring(server, "desk:a", ana).status, 200);
  ASSERT_EQ(Bring(server, "desk:a", bo).status, 200);
  EXPECT_EQ(ana.Emit("desk:a", "said", R"({"text":"forged"})").error().message(),
            "Members may not emit 'said' into this room");
  EXPECT_EQ(ana.Emit("desk:a", "typing", R"({"tpyo":1})").error().message(), "emit.data.tpyo: unknown field");
  EXPECT_EQ(ana.Emit("desk:a", "typing", R"({"text":"..."})").emit().notified(), 1);
  EXPECT_EQ(bo.WaitForEvent("desk:a", "typing").sender_user_id(), "ana");
}

TEST(RoomModelTest, AVolatileEventHasNoOffset) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  ASSERT_TRUE(ana.Join("geral").has_join());
  const std::string before = TextOf(server.Get("/api/rooms/geral").Json().at("position").at("offset"));
  EXPECT_EQ(server.Post("/api/rooms/geral/emit", R"({"event":"blink","volatile":true})").Json().at("notified"), 1);
  EXPECT_EQ(ana.WaitForEvent("geral", "blink").offset(), 0u);
  EXPECT_EQ(TextOf(server.Get("/api/rooms/geral").Json().at("position").at("offset")), before);
}

TEST(RoomModelTest, ServicesLockDescribeAndFindRooms) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  TestClient bo(server, Door::kProto);
  for (const char* room : {"a", "b", "c"}) ASSERT_TRUE(ana.Join(room).has_join());
  const HttpReply updated =
      server.Call("PATCH", "/api/rooms/b", R"({"locked":true,"metadata":{"map":"dust","level":3}})");
  EXPECT_EQ(updated.status, 200) << updated.body;
  EXPECT_EQ(updated.Json().at("metadata").at("map"), "dust");
  EXPECT_EQ(bo.Join("b").error().message(), "Room is locked");
  const json::value found = server.Get("/api/rooms?filter=metadata.map%20%3D%20dust%20AND%20member_count%3E0").Json();
  ASSERT_EQ(found.at("rooms").as_array().size(), 1u);
  EXPECT_EQ(found.at("rooms").at(0).at("id"), "b");

  ASSERT_EQ(server.Call("PATCH", "/api/rooms/b", R"({"unlisted":true,"locked":false})").status, 200);
  EXPECT_EQ(server.Get("/api/rooms").Json().at("rooms").as_array().size(), 2u);
  EXPECT_EQ(server.Get("/api/rooms?filter=unlisted%20%3D%20true").Json().at("rooms").at(0).at("id"), "b");
  EXPECT_TRUE(bo.Join("b").has_join());

  EXPECT_THAT(server.Get("/api/rooms?filter=typ%3Dchat").body, HasSubstr(R"("field":"filter")"));
  EXPECT_EQ(server.Call("PATCH", "/api/rooms/none", R"({"locked":true})").status, 404);
  EXPECT_EQ(server.Call("PATCH", "/api/rooms/b", R"({"metadata":[1]})").status, 400);
}

TEST(RoomModelTest, ADestroyedRoomTellsItsMembers) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  TestClient bo(server, Door::kGrpc);
  ASSERT_TRUE(ana.Join("geral").has_join());
  ASSERT_TRUE(bo.Join("geral").has_join());
  EXPECT_EQ(server.Call("DELETE", "/api/rooms/geral").status, 200);
  for (TestClient* client : {&ana, &bo}) {
    const v1::ServerFrame frame =
        client->WaitFor([](const v1::ServerFrame& frame) { return frame.has_left(); }, "a left frame");
    EXPECT_EQ(frame.left().reason(), v1::LEAVE_REASON_CLEANUP);
  }
  // A new room, from the beginning.
  EXPECT_EQ(ana.Join("geral").join().position().offset(), 1u);
  EXPECT_EQ(server.Call("DELETE", "/api/rooms/none").status, 404);
}

TEST(RoomModelTest, ListsTheTypesWithTheirMethodsAndEvents) {
  TestServer server({}, AddDesk);
  const json::value types = server.Get("/api/room-types").Json().at("roomTypes");
  ASSERT_EQ(types.as_array().size(), 5u);
  EXPECT_EQ(types.at(0).at("name"), "chat");
  EXPECT_EQ(types.at(0).at("maxMembers"), 100);
  EXPECT_EQ(types.at(0).at("emptyTtl"), "300s");
  const json::value& desk = types.at(2);
  EXPECT_EQ(desk.at("name"), "desk");
  const json::value& say = desk.at("methods").at(1);
  EXPECT_EQ(say.at("name"), "say");
  EXPECT_EQ(say.at("requestType"), "atrium.rooms.AddMessageRequest");
  EXPECT_EQ(say.at("fromMembers"), true);
  EXPECT_EQ(desk.at("events").at(0).at("name"), "typing");
}

}  // namespace
}  // namespace atrium
