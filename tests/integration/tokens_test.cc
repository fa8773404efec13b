// Clients show who they are by a token, and it says what they may do.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/component_frames.h"
#include "tests/support/credentials.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kGeral[] = R"([{"room":"geral","can":["join","emit"]}])";

google::rpc::ErrorInfo InfoOf(const google::rpc::Status& error) {
  google::rpc::ErrorInfo info;
  for (const auto& detail : error.details()) {
    if (detail.UnpackTo(&info)) return info;
  }
  ADD_FAILURE() << "no ErrorInfo: " << error.ShortDebugString();
  return info;
}

std::map<std::string, std::string> MetadataOf(const google::rpc::Status& error) {
  const google::rpc::ErrorInfo info = InfoOf(error);
  return {info.metadata().begin(), info.metadata().end()};
}

// What a hello was refused with.
struct Refusal {
  std::string reason;
  std::string message;
  uint32_t code = 0;
};

class TokensTest : public ::testing::TestWithParam<Door> {
 protected:
  explicit TokensTest(const TestServer::Flags& more = {}) : server_(Flags(more)) {}

  TestServer::Flags Flags(const TestServer::Flags& more) const {
    TestServer::Flags flags = credentials_.Flags();
    flags.push_back("--client-leeway=0s");
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }

  TestClient Client(const std::string& user, const std::string& rooms = kGeral) const {
    return TestClient(server_, GetParam(), credentials_.Token(user, rooms));
  }

  Refusal Refuse(const v1::Hello& hello) const {
    const std::unique_ptr<FrameStream> stream = OpenDoor(server_, GetParam());
    v1::ClientFrame frame;
    frame.set_id(1);
    *frame.mutable_hello() = hello;
    stream->Send(frame);
    Refusal refusal;
    while (const std::optional<v1::ServerFrame> answer = stream->Read(absl::Now() + kPatience)) {
      EXPECT_FALSE(answer->has_welcome());
      if (answer->has_goodbye()) refusal.code = answer->goodbye().code();
      if (!answer->has_reply()) continue;
      refusal.reason = InfoOf(answer->reply().error()).reason();
      refusal.message = answer->reply().error().message();
    }
    return refusal;
  }
  Refusal Refuse(const std::string& token) const {
    v1::Hello hello;
    hello.set_token(token);
    return Refuse(hello);
  }

  static v1::ClientFrame RefreshFrame(const std::string& token) {
    v1::ClientFrame frame;
    frame.mutable_refresh()->set_token(token);
    return frame;
  }

  const TestCredentials credentials_;
  const TestServer server_;
};

INSTANTIATE_TEST_SUITE_P(Doors, TokensTest, ::testing::Values(Door::kJson, Door::kProto, Door::kGrpc),
                         [](const auto& info) { return DoorName(info.param); });

TEST_P(TokensTest, AreNeededAndMustBeGood) {
  const Refusal missing = Refuse("");
  EXPECT_EQ(missing.reason, "TOKEN_MISSING");
  EXPECT_EQ(missing.code, 3500u);
  // Before the signature has been found right, nothing is told of what is wrong.
  const std::string good = credentials_.Token("ana");
  for (const std::string& bad : {std::string("ana"), good + "x", good.substr(0, good.size() - 3), good + "." + good,
                                 TokenMaker("HS256").Make(R"({"sub":"ana"})"), TestCredentials::Secret("all")}) {
    const Refusal refusal = Refuse(bad);
    EXPECT_EQ(refusal.reason, "TOKEN_INVALID") << bad;
    EXPECT_EQ(refusal.message, "The token or key is not valid") << bad;
    EXPECT_EQ(refusal.code, 3500u) << bad;
  }
  const std::string other_audience = credentials_.issuer().Make(
      R"({"iss":"shop","aud":"other","sub":"ana","iat":1795896000,"exp":4102444800,"rooms":[]})");
  EXPECT_THAT(Refuse(other_audience).message, HasSubstr("aud"));
  // One that has expired may be followed by another.
  const Refusal expired = Refuse(credentials_.TokenWith("ana", {.ttl = absl::Seconds(-5)}));
  EXPECT_EQ(expired.reason, "TOKEN_INVALID");
  EXPECT_EQ(expired.code, 3006u);
  EXPECT_GE(server_.Metric("atrium_authentication_failures_total{reason=\"missing\"}"), 1);
  EXPECT_GE(server_.Metric("atrium_authentication_failures_total{reason=\"bad_signature\"}"), 1);
  EXPECT_EQ(server_.Metric("atrium_authentication_failures_total{reason=\"expired\"}"), 1);
}

TEST_P(TokensTest, SayWhoTheClientIs) {
  TestClient ana(server_, GetParam(),
                 credentials_.TokenWith("user-42", {.rooms = kGeral, .more = R"(,"info":{"name":"Ana"})"}));
  EXPECT_EQ(ana.welcome().user_id(), "user-42");
  const v1::JoinResponse joined = ana.Join("geral").join();
  ASSERT_EQ(joined.members_size(), 1);
  EXPECT_EQ(joined.members(0).user_id(), "user-42");
  EXPECT_EQ(joined.members(0).info().fields().at("name").string_value(), "Ana");
}

TEST_P(TokensTest, GrantWhatIsInThemAndNoMore) {
  TestClient ana = Client("ana", R"([{"room":"geral","can":["join"]},{"room":"news:*","can":["join","set_state"]}])");
  EXPECT_TRUE(ana.Join("geral").has_join());
  const google::rpc::Status other = ana.Join("outra").error();
  EXPECT_EQ(other.code(), static_cast<int>(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(InfoOf(other).reason(), "GRANT_MISSING");
  EXPECT_THAT(MetadataOf(other),
              UnorderedElementsAre(Pair("verb", "join"), Pair("room", "outra"), Pair("nearest_grant", testing::_)));
  EXPECT_EQ(MetadataOf(ana.Emit("geral", "hi").error()).at("verb"), "emit");
  EXPECT_EQ(MetadataOf(ana.SetState("geral", R"({"a":1})").error()).at("verb"), "set_state");
  // Who is not in a room hears of that alone.
  EXPECT_EQ(ana.Emit("outra", "hi").error().message(), "Not a member of this room");
  EXPECT_TRUE(ana.Join("news:today").has_join());
  EXPECT_TRUE(ana.SetState("news:today", R"({"a":1})").has_set_state());
  EXPECT_TRUE(ana.GetState("news:today").has_get_state());
}

TEST_P(TokensTest, OpenNoTypedRooms) {
  TestClient ana = Client("ana", R"([{"room":"counter:*","can":["join","call","watch","set_state"]}])");
  EXPECT_EQ(ana.Join("counter:a").error().message(), "Room requires server-side join via component action");
  EXPECT_EQ(ana.SetState("counter:a", R"({"count":9})").error().message(), "Room state is server-only");
  EXPECT_EQ(InfoOf(ana.Ask(MountFrame("LiveSharedCounter", "{}")).error()).reason(), "GRANT_MISSING");
  TestClient bea(server_, GetParam(),
                 credentials_.TokenWith("bea", {.more = R"(,"components":["LiveSharedCounter"])"}));
  EXPECT_TRUE(bea.Ask(MountFrame("LiveSharedCounter", "{}")).has_mount());
}

TEST_P(TokensTest, AreNotNeededWhereServerCodeHasBroughtTheClientIn) {
  TestClient ana = Client("ana", "[]");
  const HttpReply brought = CallHttp(server_.http_port(), {.method = "POST",
                                                           .path = "/api/rooms/geral/members",
                                                           .headers = {{"x-api-key", TestCredentials::Secret("all")}},
                                                           .body = absl::StrCat(R"({"memberId":")", ana.id(), "\"}")});
  ASSERT_EQ(brought.status, 200) << brought.body;
  EXPECT_TRUE(ana.Emit("geral", "hi").has_emit());
  EXPECT_TRUE(ana.GetState("geral").has_get_state());
  // The state is not among what members may change.
  EXPECT_EQ(InfoOf(ana.SetState("geral", R"({"a":1})").error()).reason(), "GRANT_MISSING");
  EXPECT_TRUE(ana.Leave("geral").has_leave());
  EXPECT_EQ(InfoOf(ana.Join("geral").error()).reason(), "GRANT_MISSING");
}

TEST_P(TokensTest, CanBeRefreshed) {
  TestClient ana = Client("ana", R"([{"room":"geral","can":["join"]},{"room":"old","can":["join"]}])");
  EXPECT_TRUE(ana.Join("geral").has_join());
  EXPECT_TRUE(ana.Join("old").has_join());
  const v1::Reply refreshed = ana.Ask(RefreshFrame(credentials_.Token("ana", kGeral)));
  ASSERT_TRUE(refreshed.has_refresh()) << refreshed.ShortDebugString();
  EXPECT_GT(refreshed.refresh().expire_time().seconds(), absl::ToUnixSeconds(absl::Now()));
  const v1::Left left =
      ana.WaitFor([](const v1::ServerFrame& frame) { return frame.has_left(); }, "the end of a grant").left();
  EXPECT_EQ(left.room_id(), "old");
  EXPECT_EQ(left.reason(), v1::LEAVE_REASON_ACCESS_REVOKED);
  EXPECT_TRUE(ana.Emit("geral", "hi").has_emit());
  ana.Send(RefreshFrame(credentials_.Token("bea", kGeral)));
  EXPECT_EQ(ana.WaitForGoodbye().code(), 3500u);
}

// What is asked behind a join is decided when the room may have let the client in already.
TEST_P(TokensTest, GrantsAreNeededWhileAJoinIsUnderWay) {
  for (int i = 0; i < 20; ++i) {
    TestClient ana(server_, GetParam(), credentials_.Token("ana", R"([{"room":"geral","can":["join"]}])"));
    const uint32_t join = ana.Send(JoinFrame("geral"));
    const uint32_t emit = ana.Send(EmitFrame("geral", "hi"));
    v1::ClientFrame set;
    set.mutable_set_state()->set_room_id("geral");
    *set.mutable_set_state()->mutable_state() = JsonValue(R"({"a":1})");
    const uint32_t set_state = ana.Send(std::move(set));
    EXPECT_TRUE(ana.Reply(join).has_join());
    EXPECT_TRUE(ana.Reply(emit).has_error());
    EXPECT_TRUE(ana.Reply(set_state).has_error());
    ana.SayLeave();
    ana.WaitForEnd();
  }
}

TEST_P(TokensTest, ARefreshConcernsJoinsUnderWay) {
  for (int i = 0; i < 20; ++i) {
    TestClient ana = Client("ana");
    ana.Send(JoinFrame("geral"));
    ana.Send(RefreshFrame(credentials_.Token("ana")));
    const v1::Left left =
        ana.WaitFor([](const v1::ServerFrame& frame) { return frame.has_left(); }, "the end of a grant").left();
    EXPECT_EQ(left.reason(), v1::LEAVE_REASON_ACCESS_REVOKED);
    ana.SayLeave();
    ana.WaitForEnd();
  }
}

TEST_P(TokensTest, ARefreshTakesComponentsAway) {
  TestClient ana(server_, GetParam(), credentials_.TokenWith("ana", {.more = R"(,"components":["LivePingPong"])"}));
  const std::string component = ana.Ask(MountFrame("LivePingPong", "{}")).mount().component_id();
  EXPECT_TRUE(ana.Ask(ActionFrame(component, "ping", "{}")).has_call());
  EXPECT_TRUE(ana.Ask(RefreshFrame(credentials_.Token("ana"))).has_refresh());
  EXPECT_TRUE(ana.Ask(ActionFrame(component, "ping", "{}")).has_error());
}

TEST_P(TokensTest, AResumeWithoutTheGrantTellsNothingOfTheRoom) {
  v1::Hello hello;
  {
    TestClient ana = Client("ana");
    ASSERT_TRUE(ana.Join("geral").has_join());
    hello = ResumeHello(ana.welcome());
  }
  ASSERT_TRUE(server_.MetricReaches("atrium_sessions_detached", 1));
  const HttpReply emitted = CallHttp(server_.http_port(), {.method = "POST",
                                                           .path = "/api/rooms/geral/emit",
                                                           .headers = {{"x-api-key", TestCredentials::Secret("all")}},
                                                           .body = R"({"event":"secret"})"});
  ASSERT_EQ(emitted.status, 200);
  hello.set_token(credentials_.Token("ana"));
  TestClient ana(server_, GetParam(), hello);
  EXPECT_TRUE(ana.welcome().resumed());
  ana.WaitFor([](const v1::ServerFrame& frame) { return frame.has_left(); }, "the end of a grant");
  EXPECT_THAT(ana.RoomFrames("geral"), testing::IsEmpty());
}

TEST_P(TokensTest, OfARefreshMustBeGood) {
  TestClient ana = Client("ana");
  ana.Send(RefreshFrame("nonsense"));
  EXPECT_EQ(ana.WaitForGoodbye().code(), 3500u);
  TestClient cid = Client("cid");
  cid.Send(RefreshFrame(credentials_.TokenWith("cid", {.ttl = absl::Seconds(-5)})));
  EXPECT_EQ(cid.WaitForGoodbye().code(), 3006u);
  TestClient bea = Client("bea");
  bea.Send(RefreshFrame(""));
  EXPECT_EQ(bea.WaitForGoodbye().code(), 3500u);
}

TEST_P(TokensTest, Expire) {
  TestClient ana(server_, GetParam(), credentials_.TokenWith("ana", {.rooms = kGeral, .ttl = absl::Seconds(2)}));
  const v1::Expiring expiring =
      ana.WaitFor([](const v1::ServerFrame& frame) { return frame.has_expiring(); }, "word of it").expiring();
  EXPECT_LE(expiring.expire_time().seconds(), absl::ToUnixSeconds(absl::Now()) + 2);
  EXPECT_EQ(ana.WaitForGoodbye().code(), 3006u);
  // With another it goes on.
  v1::Hello hello = ResumeHello(ana.welcome());
  EXPECT_EQ(Refuse(hello).code, 3500u);
  hello.set_token(credentials_.Token("ana", kGeral));
  const TestClient again(server_, GetParam(), hello);
  EXPECT_TRUE(again.welcome().resumed());
}

TEST_P(TokensTest, LimitTheSessionsOfAUser) {
  const std::string token = credentials_.TokenWith("ana", {.rooms = kGeral, .more = R"(,"max_connections":2)"});
  TestClient first(server_, GetParam(), token);
  const TestClient second(server_, GetParam(), token);
  const Refusal third = Refuse(token);
  EXPECT_EQ(third.reason, "LIMIT");
  EXPECT_EQ(third.code, 3013u);
  // Others are not concerned, and who leaves makes room.
  const TestClient bea = Client("bea");
  first.SayLeave();
  first.WaitForEnd();
  const TestClient again(server_, GetParam(), token);
  EXPECT_EQ(again.welcome().user_id(), "ana");
  EXPECT_EQ(server_.Metric("atrium_refusals_total{limit=\"sessions_per_user\"}"), 1);
}

TEST_P(TokensTest, OfOthersResumeNoSession) {
  const v1::Welcome welcome = Client("ana").welcome();
  v1::Hello hello = ResumeHello(welcome);
  hello.set_token(credentials_.Token("bea", kGeral));
  const TestClient bea(server_, GetParam(), hello);
  EXPECT_FALSE(bea.welcome().resumed());
  EXPECT_EQ(bea.welcome().user_id(), "bea");
}

class AnonymousTest : public TokensTest {
 protected:
  AnonymousTest() : TokensTest({"--allow-anonymous=lobby,public:*"}) {}
};

INSTANTIATE_TEST_SUITE_P(Doors, AnonymousTest, ::testing::Values(Door::kJson, Door::kGrpc),
                         [](const auto& info) { return DoorName(info.param); });

TEST_P(AnonymousTest, ClientsEnterTheRoomsThatAreOpenToThem) {
  TestClient anybody(server_, GetParam());
  EXPECT_EQ(anybody.welcome().user_id(), "");
  EXPECT_TRUE(anybody.Join("lobby").has_join());
  EXPECT_TRUE(anybody.Join("public:a").has_join());
  EXPECT_TRUE(anybody.Emit("lobby", "hi").has_emit());
  EXPECT_EQ(InfoOf(anybody.Join("geral").error()).reason(), "GRANT_MISSING");
  EXPECT_EQ(Refuse("nonsense").code, 3500u);
  // Who asks without a session is none of them, whichever it names.
  for (const std::string& member : {std::string(), absl::StrCat(R"(,"memberId":")", anybody.id(), "\"")}) {
    const HttpReply emitted = server_.Post("/api/rooms/lobby/emit", absl::StrCat(R"({"event":"hi")", member, "}"));
    EXPECT_THAT(emitted.body, HasSubstr("NOT_A_MEMBER"));
  }
  EXPECT_EQ(server_.Get("/api/rooms/lobby").status, 200);
  EXPECT_EQ(server_.Get("/api/rooms/geral").status, 403);
  anybody.Send(RefreshFrame(""));
  EXPECT_EQ(anybody.WaitForGoodbye().code(), 3500u);
}

TEST(HandshakeTokenTest, ComesAsASubprotocolOrHeaderAndIsNotEchoed) {
  const TestCredentials credentials;
  const TestServer server(credentials.Flags());
  const std::string token = credentials.Token("ana");
  const auto user = [&](RawWebSocket& socket) {
    EXPECT_TRUE(socket.open());
    socket.Send({.payload = R"({"id":1,"hello":{}})"});
    return socket.ReadMessage(absl::Now() + kPatience);
  };
  RawWebSocket by_subprotocol(server.http_port(), {.subprotocol = "atrium.bearer." + token + ", atrium.v1.json"});
  EXPECT_THAT(user(by_subprotocol), HasSubstr(R"("userId":"ana")"));
  EXPECT_EQ(by_subprotocol.handshake().headers.at("sec-websocket-protocol"), "atrium.v1.json");
}

}  // namespace
}  // namespace atrium
