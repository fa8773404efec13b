// LiveRoomChat, as a browser uses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/json_patch.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

// A client with its chat component.
class Chatter {
 public:
  Chatter(const TestServer& server, Door door, const std::string& user) : client(server, door, user) {
    v1::ClientFrame frame;
    frame.mutable_mount()->set_component("LiveRoomChat");
    *frame.mutable_mount()->mutable_state() = JsonValue(absl::StrCat(R"({"username":")", user, "\"}"));
    const v1::Reply reply = client.Ask(frame);
    EXPECT_TRUE(reply.has_mount()) << reply.ShortDebugString();
    id_ = reply.mount().component_id();
    mounted_ = json::parse(JsonText(reply.mount().state()));
  }

  // Returns the id of the request.
  uint32_t Send(const std::string& action, const std::string& args) {
    v1::ClientFrame frame;
    frame.mutable_call()->set_component_id(id_);
    frame.mutable_call()->set_method(action);
    *frame.mutable_call()->mutable_args() = JsonValue(args);
    return client.Send(frame);
  }
  json::value Do(const std::string& action, const std::string& args) {
    const v1::Reply reply = client.Reply(Send(action, args));
    EXPECT_TRUE(reply.has_call()) << reply.ShortDebugString();
    return json::parse(JsonText(reply.call().result()));
  }
  // The error of a refusal; "OK" of a success.
  std::string Try(const std::string& action, const std::string& args) {
    const json::value result = Do(action, args);
    if (result.at("success").as_bool()) return "OK";
    return std::string(result.at("error").as_string().c_str());
  }
  // The component's state, put together from the mount's reply and the patches since.
  json::value State() const {
    json::value state = mounted_;
    for (const v1::ServerFrame& frame : client.frames()) {
      EXPECT_TRUE(ApplyToCopy(frame.component().operations(), state));
    }
    return state;
  }
  const std::string& id() const { return id_; }

  TestClient client;

 private:
  std::string id_;
  json::value mounted_;
};

class ChatComponentTest : public ::testing::TestWithParam<Door> {
 protected:
  TestServer server_;
};

INSTANTIATE_TEST_SUITE_P(Doors, ChatComponentTest, ::testing::Values(Door::kJson, Door::kProto, Door::kGrpc),
                         [](const auto& info) { return DoorName(info.param); });

TEST_P(ChatComponentTest, TalksInRooms) {
  Chatter ana(server_, GetParam(), "ana"), bo(server_, Door::kJson, "bo");
  EXPECT_EQ(ana.State(), json::parse(R"({"username":"ana","rooms":[]})"));
  EXPECT_EQ(ana.Try("sendMessage", R"({"text":"hello?"})"), "No active room");
  EXPECT_EQ(ana.Try("joinRoom", R"({"roomId":"geral"})"), "OK");
  EXPECT_EQ(bo.Try("joinRoom", R"({"roomId":"geral"})"), "OK");
  EXPECT_EQ(
      ana.State(),
      json::parse(
          R"({"username":"ana","activeRoom":"geral","rooms":[{"id":"geral","name":"geral","isPrivate":false}]})"));
  EXPECT_EQ(ana.Try("sendMessage", R"({"text":"  \n "})"), "Message cannot be empty");
  const json::value sent = ana.Do("sendMessage", R"({"text":"  hello  "})");
  EXPECT_EQ(sent.at("message").at("text"), "hello");
  EXPECT_EQ(sent.at("message").at("user"), "ana");
  const json::value heard = json::parse(JsonText(bo.client.WaitForEvent("chat:geral", "chat:message").data()));
  EXPECT_EQ(heard.at("text"), "hello");
  EXPECT_EQ(ana.Try("setUsername", R"({"username":"Ana Maria"})"), "OK");
  EXPECT_EQ(ana.Try("setUsername", R"({"username":" "})"), "Invalid username");
  EXPECT_EQ(ana.Try("setUsername", absl::StrCat(R"({"username":")", std::string(31, 'x'), "\"}")), "Invalid username");
  EXPECT_EQ(ana.Do("sendMessage", R"({"text":"again"})").at("message").at("user"), "Ana Maria");
  EXPECT_EQ(ana.Try("sendMessage", absl::StrCat(R"({"text":")", std::string(1001, 'x'), "\"}")), "Message too long");
}

TEST_P(ChatComponentTest, AMessageThatComesAgainWithItsKeyIsPostedOnce) {
  const std::string message = R"({"text":"hello","roomId":"geral","idempotencyKey":"key-1"})";
  json::value first;
  {
    Chatter ana(server_, GetParam(), "ana");
    EXPECT_EQ(ana.Try("sendMessage", message), "Not in this room");
    ana.Do("joinRoom", R"({"roomId":"geral"})");
    ana.Do("joinRoom", R"({"roomId":"tech"})");
    first = ana.Do("sendMessage", message);
    EXPECT_EQ(ana.Do("sendMessage", message), first);
  }
  // Another session of the same user, and another user.
  Chatter ana(server_, Door::kJson, "ana"), bo(server_, Door::kJson, "bo");
  ana.Do("joinRoom", R"({"roomId":"geral"})");
  bo.Do("joinRoom", R"({"roomId":"geral"})");
  EXPECT_EQ(ana.Do("sendMessage", message), first);
  EXPECT_THAT(ana.Try("sendMessage", R"({"text":"other","idempotencyKey":"key-1"})"), HasSubstr("another request"));
  EXPECT_NE(bo.Do("sendMessage", message), first);
}

TEST_P(ChatComponentTest, CreatesRoomsWithPasswords) {
  Chatter ana(server_, GetParam(), "ana"), bo(server_, GetParam(), "bo");
  EXPECT_EQ(ana.Try("createRoom", R"({"roomId":"den"})"), "Room ID and name are required");
  EXPECT_EQ(ana.Try("createRoom", absl::StrCat(R"({"roomId":")", std::string(31, 'x'), R"(","roomName":"n"})")),
            "Room ID/name too long");
  EXPECT_THAT(ana.Try("createRoom", R"({"roomId":"no room","roomName":"n"})"), HasSubstr("Invalid room name."));
  const std::string create = R"({"roomId":"den","roomName":"The den","password":"s3cret"})";
  const json::value created = ana.Do("createRoom", create);
  EXPECT_EQ(created, json::parse(R"({"success":true,"roomId":"den"})"));
  EXPECT_EQ(ana.State().at("rooms"), json::parse(R"([{"id":"den","name":"The den","isPrivate":true}])"));
  EXPECT_EQ(ana.Try("createRoom", create), "Room already exists");
  EXPECT_EQ(bo.Try("createRoom", create), "Room already exists");
  EXPECT_EQ(bo.Try("joinRoom", R"({"roomId":"den"})"), "Wrong password");
  EXPECT_EQ(bo.Try("joinRoom", R"({"roomId":"den","password":"guess"})"), "Wrong password");
  EXPECT_EQ(bo.State().at("rooms"), json::array());
  EXPECT_EQ(bo.Try("joinRoom", R"({"roomId":"den","password":"s3cret"})"), "OK");
  EXPECT_EQ(bo.State().at("rooms").at(0).at("name"), "The den");
  // The directory shows it.
  bo.client.WaitFor(
      [](const v1::ServerFrame& frame) {
        return frame.event().room_id() == "directory:main" &&
               frame.ShortDebugString().find("The den") != std::string::npos;
      },
      "an event of the directory");
}

TEST_P(ChatComponentTest, SwitchesAndLeaves) {
  Chatter ana(server_, GetParam(), "ana");
  for (const char* room : {"a", "b", "c"}) {
    EXPECT_EQ(ana.Try("joinRoom", absl::StrCat(R"({"roomId":")", room, "\"}")), "OK");
  }
  EXPECT_EQ(ana.State().at("activeRoom"), "c");
  EXPECT_EQ(ana.Try("switchRoom", R"({"roomId":"b"})"), "OK");
  EXPECT_EQ(ana.State().at("activeRoom"), "b");
  EXPECT_EQ(ana.Try("switchRoom", R"({"roomId":"d"})"), "Not in this room");
  EXPECT_EQ(ana.Try("joinRoom", R"({"roomId":"a"})"), "OK");
  EXPECT_EQ(ana.State().at("activeRoom"), "a");
  EXPECT_EQ(ana.State().at("rooms").as_array().size(), 3u);
  EXPECT_EQ(ana.Try("leaveRoom", R"({"roomId":"a"})"), "OK");
  EXPECT_EQ(ana.State().at("activeRoom"), "b");
  EXPECT_EQ(ana.Try("leaveRoom", R"({"roomId":"a"})"), "Not in this room");
  // Whoever takes it out, it knows.
  EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/rooms/chat:b/members/", ana.id())).status, 200);
  EXPECT_EQ(server_.Call("DELETE", "/api/rooms/chat:c").status, 200);
  EXPECT_EQ(ana.Try("leaveRoom", R"({"roomId":"c"})"), "Not in this room");
  EXPECT_EQ(ana.State(), json::parse(R"({"username":"ana","rooms":[]})"));
}

TEST_P(ChatComponentTest, HasTheLastWordOfThoseThatComeTogether) {
  Chatter ana(server_, GetParam(), "ana");
  const std::string room = R"({"roomId":"a"})";
  EXPECT_EQ(ana.Try("joinRoom", room), "OK");
  const auto members = [&] { return server_.Call("GET", "/api/rooms/chat:a").body; };
  ana.Send("leaveRoom", room);
  const uint32_t last = ana.Send("joinRoom", room);
  EXPECT_EQ(json::parse(JsonText(ana.client.Reply(last).call().result())).at("success"), true);
  EXPECT_THAT(members(), HasSubstr(R"("memberCount":1)"));
  EXPECT_EQ(ana.State().at("activeRoom"), "a");
  EXPECT_EQ(ana.Try("sendMessage", R"({"text":"still here"})"), "OK");

  std::vector<uint32_t> asked;
  for (const char* action : {"leaveRoom", "joinRoom", "leaveRoom"}) asked.push_back(ana.Send(action, room));
  for (const uint32_t id : asked) EXPECT_TRUE(ana.client.Reply(id).has_call());
  EXPECT_THAT(members(), Not(HasSubstr(R"("memberCount":1)")));
  EXPECT_EQ(ana.State(), json::parse(R"({"username":"ana","rooms":[]})"));
}

}  // namespace
}  // namespace atrium
