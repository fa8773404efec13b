// Rooms with passwords, the directory and member info, from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A service brings a session into a room; `more` are further fields of the request.
HttpReply Bring(const TestServer& server, const std::string& room, const TestClient& client,
                const std::string& more = "") {
  return server.Post(absl::StrCat("/api/rooms/", room, "/members"),
                     absl::StrCat(R"({"memberId":")", client.id(), "\"", more, "}"));
}

std::string Password(const std::string& password) {
  return absl::StrCat(R"(,"payload":{"password":")", password, R"("})");
}

constexpr char kCreate[] = R"(,"payload":{"create":true,"name":"The den","password":"s3cret","username":"Ana"})";

TEST(PasswordTest, ARoomIsCreatedWithAPasswordThatOthersNeed) {
  TestServer server;
  TestClient ana(server, Door::kJson, "ana");
  const HttpReply created = Bring(server, "chat:den", ana, kCreate);
  ASSERT_EQ(created.status, 200) << created.body;
  EXPECT_EQ(created.Json().at("state").at("isPrivate"), true);
  EXPECT_EQ(created.Json().at("members").at(0).at("info").at("username"), "Ana");
  EXPECT_EQ(server.Get("/api/rooms/chat:den").Json().at("metadata"),
            json::parse(R"({"name":"The den","isPrivate":true,"createdBy":"ana"})"));
  EXPECT_THAT(server.Get("/api/rooms?filter=metadata.isPrivate%20%3D%20true").body, HasSubstr("chat:den"));

  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient bo(server, door, "bo");
    const HttpReply wrong = Bring(server, "chat:den", bo, Password("wrong"));
    EXPECT_EQ(wrong.status, 403);
    EXPECT_THAT(wrong.body, AllOf(HasSubstr("Wrong password"), HasSubstr("WRONG_PASSWORD")));
    EXPECT_EQ(Bring(server, "chat:den", bo).status, 403);
    EXPECT_EQ(Bring(server, "chat:den", bo, Password("s3cret")).status, 200);
    const v1::ServerFrame snapshot =
        bo.WaitFor([](const v1::ServerFrame& frame) { return frame.has_snapshot(); }, "a snapshot");
    for (const v1::Member& member : snapshot.snapshot().members())
      EXPECT_EQ(member.has_info(), member.id() == ana.id());
  }
  const HttpReply again = Bring(server, "chat:den", ana, kCreate);
  EXPECT_EQ(again.status, 200);  // It is a member.
  TestClient cy(server, Door::kJson, "cy");
  const HttpReply taken = Bring(server, "chat:den", cy, kCreate);
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.body, HasSubstr("Room already exists"));
}

TEST(PasswordTest, AMemberSetsThePasswordOfARoomThatItCreated) {
  TestServer server;
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    const std::string room = absl::StrCat("chat:", DoorName(door));
    TestClient ana(server, door, "ana");
    TestClient bo(server, door, "bo");
    ASSERT_EQ(Bring(server, room, ana, R"(,"payload":{"create":true})").status, 200);
    ASSERT_EQ(Bring(server, room, bo).status, 200);
    v1::ClientFrame frame;
    frame.mutable_call()->set_room_id(room);
    frame.mutable_call()->set_method("setPassword");
    *frame.mutable_call()->mutable_args() = JsonValue(R"({"password":"s3cret"})");
    EXPECT_EQ(bo.Ask(frame).error().message(), "Only the creator may set the password");
    const v1::Reply reply = ana.Ask(frame);
    EXPECT_EQ(JsonText(reply.call().result()), R"({"isPrivate":true})") << reply.DebugString();
    // The reply is behind the patch.
    EXPECT_EQ(Kinds(ana.RoomFrames(room)).back(), "patch");
    TestClient cy(server, door, "cy");
    EXPECT_EQ(Bring(server, room, cy).status, 403);
    *frame.mutable_call()->mutable_args() = JsonValue(R"({"passwort":"s3cret"})");
    EXPECT_THAT(ana.Ask(frame).error().message(), HasSubstr("call.args.passwort: unknown field"));
  }
  EXPECT_TRUE(server.MetricReaches("atrium_worker_jobs_total", 3));
}

TEST(PasswordTest, GuessingHoldsUpAnAddressWhateverTheDoor) {
  TestServer server;
  TestClient ana(server, Door::kJson, "ana");
  ASSERT_EQ(Bring(server, "chat:den", ana, kCreate).status, 200);
  TestClient mallory(server, Door::kJson, "mallory");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Bring(server, "chat:den", mallory, Password(absl::StrCat("guess", i))).status, 403);
  }
  const HttpReply limited = Bring(server, "chat:den", mallory, Password("s3cret"));
  EXPECT_EQ(limited.status, 429) << limited.body;
  EXPECT_THAT(limited.body, AllOf(HasSubstr("Too many attempts, try again in"), HasSubstr("TOO_MANY_ATTEMPTS")));
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient bo(server, door);
    const absl::Time start = absl::Now();
    const HttpReply held_up = Bring(server, "chat:den", bo, Password("s3cret"));
    EXPECT_EQ(held_up.status, 200) << held_up.body;
    EXPECT_GE(absl::Now() - start, absl::Seconds(2));
  }
  // Other rooms know nothing of it.
  ASSERT_EQ(Bring(server, "chat:other", ana, kCreate).status, 200);
  EXPECT_EQ(Bring(server, "chat:other", TestClient(server, Door::kJson), Password("s3cret")).status, 200);
}

// Each session creates as many rooms with passwords as it can; the hashes wait for two workers.
TEST(PasswordTest, RoomsThatAreCreatedKeepNobodyOut) {
  TestServer server;
  TestClient ana(server, Door::kJson, "ana");
  ASSERT_EQ(Bring(server, "chat:den", ana, kCreate).status, 200);
  std::vector<std::unique_ptr<TestClient>> flooders;
  std::vector<std::thread> threads;
  std::atomic<bool> stop = false;
  for (int i = 0; i < 4; ++i) {
    flooders.push_back(std::make_unique<TestClient>(server, Door::kJson, absl::StrCat("m", i)));
    for (int thread = 0; thread < 10; ++thread) {
      threads.emplace_back([&, i, thread] {
        for (int n = 0; n < 10 && !stop; ++n) {
          Bring(server, absl::StrCat("chat:", i, "-", thread, "-", n), *flooders[i], kCreate);
        }
      });
    }
  }
  EXPECT_TRUE(Eventually([&] { return server.Metric("atrium_worker_queue") > 10; }));
  for (int i = 0; i < 3; ++i) {
    TestClient innocent(server, Door::kJson);
    const HttpReply reply = Bring(server, "chat:den", innocent, Password("s3cret"));
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(PasswordTest, NoSecretOrAddressLeaves) {
  TestServer server;
  TestClient ana(server, Door::kJson, "ana");
  TestClient bo(server, Door::kProto, "bo");
  ASSERT_EQ(Bring(server, "chat:den", ana, kCreate).status, 200);
  std::string all = Bring(server, "chat:den", bo, Password("wr0ng")).body;
  all += Bring(server, "chat:den", bo, Password("s3cret")).body;
  for (const char* path : {"/api/rooms", "/api/rooms/chat:den", "/api/rooms/chat:den/state",
                           "/api/rooms/chat:den/members", "/api/sessions", "/api/rooms/stats"}) {
    all += server.Get(path).body;
  }
  all += server.GetFromAdmin("/metrics").body;
  for (const TestClient* client : {&ana, &bo}) {
    for (const v1::ServerFrame& frame : client->frames()) all += frame.DebugString();
  }
  EXPECT_THAT(all, AllOf(Not(HasSubstr("s3cret")), Not(HasSubstr("wr0ng")), Not(HasSubstr("argon2")),
                         Not(HasSubstr("127.0.0.1"))));
}

TEST(PasswordTest, ABadJoinNamesTheField) {
  TestServer server;
  TestClient ana(server, Door::kJson, "ana");
  const HttpReply unknown = Bring(server, "chat:den", ana, R"(,"payload":{"passwort":"x"})");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr(R"("field":"payload.passwort")"));
  EXPECT_EQ(Bring(server, "chat:den", ana, R"(,"payload":{"create":1})").status, 400);
  EXPECT_EQ(Bring(server, "chat:den", ana, R"(,"payload":"s3cret")").status, 400);
  EXPECT_EQ(Bring(server, "chat:den", ana, Password(std::string(129, 'x'))).status, 400);
  EXPECT_THAT(Bring(server, "chat:den", ana, R"(,"info":{"a":")" + std::string(1024, 'x') + "\"}").body,
              HasSubstr("info: must have at most 1024 bytes as JSON"));
  EXPECT_EQ(Bring(server, "chat:den", ana, R"(,"info":[1])").status, 400);
}

TEST(MemberInfoTest, ServicesSetItAndClientsMayNot) {
  TestServer server;
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient ana(server, door, "ana");
    TestClient bo(server, door, "bo");
    ASSERT_TRUE(ana.Join("geral").has_join());
    v1::ClientFrame forged = JoinFrame("geral");
    *forged.mutable_join()->mutable_info() = JsonValue(R"({"role":"admin"})").struct_value();
    const v1::Reply refused = bo.Ask(forged);
    EXPECT_EQ(refused.error().code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
    EXPECT_EQ(refused.error().message(), "join.info: is set by services only");
    ASSERT_EQ(Bring(server, "geral", bo, R"(,"info":{"name":"Bo","level":3})").status, 200);
    const v1::ServerFrame frame = ana.WaitFor(
        [&](const v1::ServerFrame& frame) {
          return frame.member().joined_size() == 1 && frame.member().joined(0).id() == bo.id();
        },
        "Bo");
    EXPECT_EQ(frame.member().joined(0).info().fields().at("level").number_value(), 3);
    EXPECT_THAT(server.Get("/api/rooms/geral/members").body, HasSubstr(R"("name":"Bo")"));
    bo.SayLeave();
    const v1::ServerFrame gone =
        ana.WaitFor([](const v1::ServerFrame& frame) { return frame.member().left_size() == 1; }, "Bo's leave");
    EXPECT_EQ(gone.member().left(0).member().info().fields().at("name").string_value(), "Bo");
  }
}

TEST(DirectoryTest, ShowsRoomsComeAndGoOnAllShards) {
  TestServer server({"--shards=2"});
  TestClient ana(server, Door::kJson, "ana");
  EXPECT_EQ(ana.Join("directory:main").error().message(), "Room requires server-side join via component action");
  for (int i = 0; i < 8; ++i) server.Post(absl::StrCat("/api/rooms/chat:early", i, "/messages"), R"({"text":"hi"})");
  const HttpReply joined = Bring(server, "directory:main", ana);
  ASSERT_EQ(joined.status, 200) << joined.body;
  EXPECT_EQ(joined.Json().at("state").at("rooms").as_object().size(), 8u);

  const auto of = [](const std::string& event, const std::string& id) {
    return [event, id](const v1::ServerFrame& frame) {
      return frame.event().event() == event &&
             frame.event().data().struct_value().fields().at("id").string_value() == id;
    };
  };
  for (int i = 0; i < 8; ++i) server.Post(absl::StrCat("/api/rooms/chat:late", i, "/messages"), R"({"text":"hi"})");
  for (int i = 0; i < 8; ++i) ana.WaitFor(of("room:added", absl::StrCat("chat:late", i)), "a room");
  TestClient bo(server, Door::kGrpc, "bo");
  ASSERT_EQ(Bring(server, "chat:den", bo, kCreate).status, 200);
  // It is there from the moment that its first member asks, and private once the password is hashed.
  const v1::ServerFrame shown = ana.WaitFor(
      [](const v1::ServerFrame& frame) {
        const auto& entry = frame.event().data().struct_value().fields();
        return entry.contains("isPrivate") && entry.at("isPrivate").bool_value();
      },
      "the den");
  EXPECT_EQ(shown.event().data().struct_value().fields().at("id").string_value(), "chat:den");
  EXPECT_EQ(shown.event().data().struct_value().fields().at("createdBy").string_value(), "bo");
  ASSERT_EQ(server.Post("/api/rooms/chat:den/methods/setPassword", R"({"password":""})").status, 200);
  ana.WaitFor(
      [&](const v1::ServerFrame& frame) {
        return of("room:changed", "chat:den")(frame) &&
               !frame.event().data().struct_value().fields().at("isPrivate").bool_value();
      },
      "its change");
  ASSERT_EQ(server.Call("PATCH", "/api/rooms/chat:late0", R"({"unlisted":true})").status, 200);
  ana.WaitFor(of("room:removed", "chat:late0"), "an unlisted room");
  ASSERT_EQ(server.Call("DELETE", "/api/rooms/chat:den").status, 200);
  ana.WaitFor(of("room:removed", "chat:den"), "a destroyed room");
  const json::value state = server.Get("/api/rooms/directory:main/state").Json().at("state");
  EXPECT_EQ(state.at("rooms").as_object().size(), 15u);
  EXPECT_THAT(server.Get("/api/rooms").body, Not(HasSubstr("directory:main")));
}

}  // namespace
}  // namespace atrium
