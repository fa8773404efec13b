// What clients may not do, whichever door they take and whatever they send.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/options.h"
#include "tests/support/component_frames.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AuthorityTest : public ::testing::Test {
 protected:
  // A client whose LiveRoomChat is in `chat:<room>`.
  struct Chatter {
    Chatter(const TestServer& server, const std::string& user)
        : client(server, Door::kJson, user),
          id(client.Ask(MountFrame("LiveRoomChat", absl::StrCat(R"({"username":")", user, "\"}")))
                 .mount()
                 .component_id()) {}

    // The result of an action, as JSON.
    json::value Do(const std::string& action, const std::string& args) {
      return json::parse(JsonText(client.Ask(ActionFrame(id, action, args)).call().result()));
    }
    json::value Join(const std::string& room, const std::string& password = "") {
      return Do("joinRoom", absl::StrCat(R"({"roomId":")", room, R"(","password":")", password, "\"}"));
    }
    std::string Error(v1::ClientFrame frame) { return client.Ask(std::move(frame)).error().message(); }

    TestClient client;
    const std::string id;
  };

  json::value StateOf(const std::string& room) {
    return server_.Get("/api/rooms/" + room + "/state").Json().at("state");
  }

  TestServer server_;
  Chatter ana_{server_, "ana"};
  Chatter bo_{server_, "bo"};
};

TEST_F(AuthorityTest, MembersCannotForgeEventsOfTypedRooms) {
  ana_.Join("lobby");
  bo_.Join("lobby");
  EXPECT_EQ(bo_.Error(EmitFrame("chat:lobby", "chat:message", R"({"user":"ana","text":"forged"})")),
            "Members may not emit 'chat:message' into this room");
  // What they may emit says who it was, by the server's word.
  EXPECT_TRUE(bo_.client.Ask(EmitFrame("chat:lobby", "typing", R"({"typing":true})")).has_emit());
  const v1::RoomEvent typing = ana_.client.WaitForEvent("chat:lobby", "typing");
  EXPECT_EQ(typing.sender_id(), bo_.id);
  EXPECT_EQ(typing.sender_user_id(), "bo");
  EXPECT_EQ(StateOf("chat:lobby").at("messages").as_array().size(), 0u);
  // And so does what its component posts, however it calls itself.
  bo_.Do("setUsername", R"({"username":"ana"})");
  bo_.Do("sendMessage", R"({"text":"as ana"})");
  const json::value message = StateOf("chat:lobby").at("messages").at(0);
  EXPECT_EQ(message.at("user"), "ana");
  EXPECT_EQ(message.at("userId"), "bo");
}

TEST_F(AuthorityTest, AnEventOfOneRoomCannotBeReadAsThatOfAnother) {
  ana_.Join("lobby");
  bo_.client.Join("chat");
  EXPECT_TRUE(bo_.client.Emit("chat", "lobby:chat:message", R"({"text":"injected"})").has_emit());
  EXPECT_EQ(server_.Post("/api/rooms/chat:lobby/emit", R"({"event":"last"})").status, 200);
  ana_.client.WaitForEvent("chat:lobby", "last");
  for (const v1::ServerFrame& frame : ana_.client.frames()) {
    EXPECT_THAT(frame.event().event(), Not(HasSubstr("chat:message")));
  }
}

TEST_F(AuthorityTest, WhoIsNoMemberCannotLeave) {
  ana_.Join("lobby");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(bo_.Error(LeaveFrame("chat:lobby")), HasSubstr("is not a member of this room"));
  }
  EXPECT_EQ(StateOf("chat:lobby").at("onlineCount"), 1);
}

TEST_F(AuthorityTest, MountingIsNoWayIntoATypedRoom) {
  EXPECT_TRUE(
      ana_.Do("createRoom", R"({"roomId":"den","roomName":"Den","password":"s3cret"})").at("success").as_bool());
  EXPECT_EQ(bo_.Error(MountFrame("LiveRoomChat", "", "chat:den")),
            "Room requires server-side join via component action");
  EXPECT_EQ(server_.Get("/api/rooms/chat:den").Json().at("memberCount"), 1);
}

TEST_F(AuthorityTest, PasswordsAreHashedAndGuessesLimited) {
  ana_.Do("createRoom", R"({"roomId":"den","roomName":"Den","password":"s3cret"})");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bo_.Join("den", "guess").at("error"), "Wrong password");
  EXPECT_THAT(bo_.Join("den", "s3cret").at("error").as_string().c_str(), StartsWith("Too many attempts"));
  // Who comes as somebody else waits for each guess, and so does, once, an innocent of that address.
  for (const std::string& password : std::vector<std::string>{"guess", "s3cret"}) {
    Chatter again(server_, "cem");
    const absl::Time start = absl::Now();
    EXPECT_EQ(again.Join("den", password).at("success"), password == "s3cret");
    EXPECT_GE(absl::Now() - start, absl::Seconds(2));
  }
}

TEST_F(AuthorityTest, ARoomCannotBeTakenOver) {
  ana_.Do("createRoom", R"({"roomId":"open","roomName":"Open"})");
  EXPECT_EQ(bo_.Do("createRoom", R"({"roomId":"open","roomName":"Mine","password":"mine"})").at("error"),
            "Room already exists");
  EXPECT_TRUE(bo_.Join("open").at("success").as_bool());
  v1::ClientFrame set_password;
  set_password.mutable_call()->set_room_id("chat:open");
  set_password.mutable_call()->set_method("setPassword");
  *set_password.mutable_call()->mutable_args() = JsonValue(R"({"password":"mine"})");
  EXPECT_EQ(bo_.Error(set_password), "Only the creator may set the password");
  EXPECT_EQ(server_.Get("/api/rooms/chat:open").Json().at("metadata"),
            json::parse(R"({"name":"Open","isPrivate":false,"createdBy":"ana"})"));
}

TEST_F(AuthorityTest, NoDoorIsOpenWithoutCredentialsUnlessDevSaysSo) {
  const char* open[] = {"atriumd"};
  EXPECT_FALSE(ParseCommandLine(1, open).ok());
  const char* to_all[] = {"atriumd", "--dev", "--http-address=0.0.0.0:8080"};
  EXPECT_FALSE(ParseCommandLine(3, to_all).ok());
}

TEST_F(AuthorityTest, AClientSetsOfAComponentOnlyWhatItsClassLetsIt) {
  EXPECT_THAT(bo_.Error(MountFrame("LiveRoomChat", R"({"activeRoom":"den"})")), HasSubstr("activeRoom"));
  EXPECT_EQ(bo_.Error(ActionFrame(bo_.id, "setState", R"({"activeRoom":"den"})")), "Action 'setState' is not callable");
}

TEST_F(AuthorityTest, AnInitialStateHasItsLimits) {
  TestServer small({"--max-state-bytes=1000"});
  TestClient client(small, Door::kProto);
  const v1::Reply refused = client.Join("big", absl::StrCat(R"({"x":")", std::string(2000, 'x'), "\"}"));
  EXPECT_EQ(refused.error().message(), "Room state exceeds maximum size limit");
  EXPECT_EQ(small.Get("/api/rooms/big").status, 404);
}

TEST_F(AuthorityTest, NoStateThatAClientHeldIsTakenBack) {
  ana_.Join("lobby");
  const std::string held = R"({"username":"bo","rooms":[{"id":"den","name":"Den","isPrivate":true}]})";
  EXPECT_THAT(bo_.Error(MountFrame("LiveRoomChat", held)), HasSubstr("rooms"));
}

TEST_F(AuthorityTest, NoClientEntersATypedRoomByItself) {
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient client(server_, door);
    for (const char* room : {"chat:lobby", "counter:global", "ping:x", "directory:main"}) {
      EXPECT_EQ(client.Join(room).error().message(), "Room requires server-side join via component action") << room;
    }
  }
}

TEST_F(AuthorityTest, TheIdOfAnothersComponentIsNoKey) {
  ana_.Join("lobby");
  bo_.Join("lobby");
  EXPECT_EQ(bo_.Error(ActionFrame(ana_.id, "sendMessage", R"({"text":"as ana"})")),
            absl::StrCat("Component '", ana_.id, "' not found"));
  v1::ClientFrame as_ana = EmitFrame("chat:lobby", "typing", R"({"typing":true})");
  as_ana.mutable_emit()->set_member_id(ana_.id);
  EXPECT_THAT(bo_.Error(as_ana), HasSubstr("memberId"));
  EXPECT_THAT(bo_.Error(UnmountFrame(ana_.id)), HasSubstr("not found"));
}

}  // namespace
}  // namespace atrium
