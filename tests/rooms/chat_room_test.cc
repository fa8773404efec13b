// The chat: its creator, its password, and what others see of it.
#include "rooms/chat_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooms/room_catalog.h"
#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RoomHarness;

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(RegisterRooms(registry).ok());
  return registry;
}

class ChatRoomTest : public ::testing::Test {
 protected:
  absl::StatusOr<Admission> Join(FakeSession& session, const json::object& payload = {}) {
    return rooms_.Join("chat:den", session, {}, Payload::FromJson(payload));
  }
  absl::StatusOr<Admission> Join(const std::string& name, const json::object& payload = {}) {
    return Join(rooms_.Session(name), payload);
  }
  absl::Status SetPassword(const std::string& password, const FakeSession* member = nullptr) {
    return rooms_.Call("chat:den", "setPassword", {{"password", password}}, member).status();
  }
  std::string Metadata() {
    std::string metadata = "absent";
    rooms_.With("chat:den", [&](Room* room) {
      if (room != nullptr) metadata = ToJson(room->Metadata());
    });
    return metadata;
  }
  static absl::Status Wrong() {
    return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PASSWORD", "Wrong password");
  }
  static absl::Status Exists() {
    return MakeError(absl::StatusCode::kAlreadyExists, "ROOM_EXISTS", "Room already exists");
  }

  RoomHarness rooms_{Registry()};
  FakeSession& alice_ = rooms_.Session("alice");
  const json::object create_ = {{"create", true}, {"name", "The den"}, {"password", "s3cret"}};
};

TEST_F(ChatRoomTest, ACreatorNamesItsRoomAndLocksIt) {
  const absl::StatusOr<Admission> created = Join(alice_, create_);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_THAT(created->state.Json(), HasSubstr(R"("onlineCount":1,"isPrivate":true,"name":"The den")"));
  EXPECT_EQ(Metadata(), R"({"isPrivate":true,"name":"The den","createdBy":"user-alice"})");
  EXPECT_EQ(Join("bob").status(), Wrong());
  EXPECT_EQ(Join("bob", {{"password", "S3cret"}}).status(), Wrong());
  EXPECT_EQ(Join("bob", {{"password", "s3cret "}}).status(), Wrong());
  EXPECT_TRUE(Join("bob", {{"password", "s3cret"}}).ok());
  EXPECT_THAT(rooms_.State("chat:den"), HasSubstr(R"("onlineCount":2)"));
}

TEST_F(ChatRoomTest, NothingOfThePasswordIsInWhatLeaves) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  FakeSession& bob = rooms_.Session("bob");
  ASSERT_TRUE(Join(bob, {{"password", "s3cret"}}).ok());
  ASSERT_TRUE(SetPassword("other", &alice_).ok());
  std::string all = rooms_.State("chat:den") + Metadata();
  for (const v1::ServerFrame& frame : alice_.frames) all += frame.DebugString();
  for (const v1::ServerFrame& frame : bob.frames) all += frame.DebugString();
  for (const char* secret : {"s3cret", "other", "argon2"}) EXPECT_THAT(all, Not(HasSubstr(secret)));
}

TEST_F(ChatRoomTest, ARoomThatExistsCannotBeCreated) {
  FakeSession& first = rooms_.Session("first");
  ASSERT_TRUE(Join(first).ok());
  EXPECT_EQ(Join(alice_, create_).status(), Exists());
  EXPECT_EQ(Metadata(), "{}");
  // One that a service has written to exists too.
  ASSERT_TRUE(rooms_.Call("chat:posted", "addMessage", {{"user", "ci"}, {"text", "hi"}}).ok());
  EXPECT_EQ(rooms_.Join("chat:posted", alice_, {}, Payload::FromJson(create_)).status(), Exists());
  // It exists for as long as it is there.
  EXPECT_TRUE(rooms_.Leave("chat:den", first, v1::LEAVE_REASON_LEAVE).ok());
  EXPECT_EQ(Join(alice_, create_).status(), Exists());
  rooms_.shards().Advance(absl::Minutes(5));
  EXPECT_TRUE(Join(alice_, create_).ok());
}

TEST_F(ChatRoomTest, OfTwoThatCreateARoomAtOnceOneDoes) {
  rooms_.workers().hold = true;
  absl::StatusOr<Admission> first = absl::UnknownError("pending"), second = first, plain = first;
  FakeSession& bob = rooms_.Session("bob");
  FakeSession& carol = rooms_.Session("carol");
  rooms_.BeginJoin("chat:den", alice_, first, {}, Payload::FromJson(create_));
  rooms_.BeginJoin("chat:den", bob, second, {}, Payload::FromJson(create_));
  rooms_.shards().Run();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAborted);
  // Who comes without creating comes first.
  rooms_.BeginJoin("chat:den", carol, plain);
  rooms_.shards().Run();
  EXPECT_TRUE(plain.ok());
  rooms_.workers().Run();
  rooms_.shards().Run();
  EXPECT_EQ(first.status(), Exists());
  EXPECT_THAT(rooms_.State("chat:den"), HasSubstr(R"("onlineCount":1,"isPrivate":false,"name":"")"));
  EXPECT_EQ(Metadata(), "{}");
}

TEST_F(ChatRoomTest, ACreatorThatGoesMeanwhileIsNoGhost) {
  rooms_.workers().hold = true;
  absl::StatusOr<Admission> joining = absl::UnknownError("pending");
  rooms_.BeginJoin("chat:den", alice_, joining, {}, Payload::FromJson(create_));
  rooms_.shards().Run();
  ASSERT_TRUE(rooms_.Leave("chat:den", alice_, v1::LEAVE_REASON_DISCONNECT).ok());
  rooms_.workers().Run();
  rooms_.shards().Run();
  EXPECT_EQ(joining.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(rooms_.State("chat:den"), HasSubstr(R"("onlineCount":0)"));
  rooms_.shards().Advance(absl::Minutes(5));
  EXPECT_EQ(rooms_.State("chat:den"), "absent");
}

TEST_F(ChatRoomTest, OnlyTheCreatorOrAServiceSetsThePassword) {
  ASSERT_TRUE(Join(alice_, {{"create", true}}).ok());
  FakeSession& bob = rooms_.Session("bob");
  ASSERT_TRUE(Join(bob).ok());
  const absl::Status refused = SetPassword("mine", &bob);
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(), "Only the creator may set the password");
  alice_.Take();
  ASSERT_TRUE(SetPassword("first", &alice_).ok());
  EXPECT_THAT(alice_.Take(), ElementsAre(HasSubstr("patch@")));
  EXPECT_EQ(Join("carol", {{"password", "mine"}}).status(), Wrong());
  ASSERT_TRUE(SetPassword("second").ok());
  EXPECT_EQ(Join("carol", {{"password", "first"}}).status(), Wrong());
  ASSERT_TRUE(SetPassword("", &alice_).ok());
  EXPECT_EQ(Metadata(), R"({"isPrivate":false,"name":"","createdBy":"user-alice"})");
  EXPECT_TRUE(Join("carol").ok());
  EXPECT_EQ(ErrorField(SetPassword(std::string(129, 'x'))), "password");
  EXPECT_EQ(ErrorField(rooms_.Call("chat:den", "setPassword", {{"password", 7}}).status()), "password");
}

TEST_F(ChatRoomTest, WhoComesWithoutCreatingIsNoCreator) {
  ASSERT_TRUE(Join(alice_).ok());
  EXPECT_EQ(SetPassword("mine", &alice_).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ChatRoomTest, ThePasswordIsSetOneAtATime) {
  ASSERT_TRUE(Join(alice_, {{"create", true}}).ok());
  rooms_.workers().hold = true;
  EXPECT_EQ(SetPassword("first", &alice_).message(), "pending");
  EXPECT_EQ(SetPassword("second", &alice_).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(SetPassword("", &alice_).code(), absl::StatusCode::kAborted);
  rooms_.workers().Run();
  rooms_.workers().hold = false;
  rooms_.shards().Run();
  EXPECT_TRUE(Join("bob", {{"password", "first"}}).ok());
}

TEST_F(ChatRoomTest, APasswordThatChangesWhileItIsCheckedIsCheckedAgain) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  rooms_.workers().hold = true;
  absl::StatusOr<Admission> joining = absl::UnknownError("pending");
  rooms_.BeginJoin("chat:den", rooms_.Session("bob"), joining, {}, Payload::FromText(R"({"password":"s3cret"})"));
  rooms_.shards().Run();
  EXPECT_EQ(SetPassword("changed").message(), "pending");
  rooms_.workers().hold = false;
  rooms_.workers().Run();
  rooms_.shards().Run();
  // The check was first in the queue; the room has the new password when the other steps are done.
  if (joining.ok()) {
    EXPECT_EQ(Join("carol", {{"password", "s3cret"}}).status(), Wrong());
  } else {
    EXPECT_EQ(joining.status(), Wrong());
  }
  EXPECT_TRUE(Join("dave", {{"password", "changed"}}).ok());
}

TEST_F(ChatRoomTest, GuessingIsSlowedForASessionAndForAnAddress) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  FakeSession& mallory = rooms_.Session("mallory", "203.0.113.7");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Join(mallory, {{"password", "guess"}}).status(), Wrong());
  rooms_.shards().Advance(absl::Seconds(20));
  const absl::Status limited = Join(mallory, {{"password", "s3cret"}}).status();
  EXPECT_EQ(limited.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.message(), "Too many attempts, try again in 40 s");
  // Another session of that address is no better off; one of another address is.
  EXPECT_EQ(Join(rooms_.Session("m2", "203.0.113.7"), {{"password", "s3cret"}}).status(), limited);
  EXPECT_TRUE(Join(rooms_.Session("n", "203.0.113.8"), {{"password", "s3cret"}}).ok());
  rooms_.shards().Advance(absl::Seconds(40));
  EXPECT_TRUE(Join(mallory, {{"password", "s3cret"}}).ok());
}

TEST_F(ChatRoomTest, AGuessThatIsBeingCheckedCounts) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  rooms_.workers().hold = true;
  std::vector<absl::StatusOr<Admission>> outcomes(7, absl::UnknownError("pending"));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    rooms_.BeginJoin("chat:den", rooms_.Session("m" + std::to_string(i), "2001:db8::" + std::to_string(i)), outcomes[i],
                     {}, Payload::FromText(R"({"password":"guess"})"));
  }
  rooms_.shards().Run();
  // They have one /64.
  EXPECT_EQ(rooms_.workers().waiting(), 5u);
  EXPECT_EQ(outcomes[6].status().code(), absl::StatusCode::kResourceExhausted);
  rooms_.workers().Run();
  rooms_.shards().Run();
  EXPECT_EQ(outcomes[0].status(), Wrong());
}

TEST_F(ChatRoomTest, WhatIsNoWrongGuessDoesNotCount) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  FakeSession& bob = rooms_.Session("bob", "203.0.113.7");
  // None at all, a full pool, the right one.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Join(bob).status(), Wrong());
  rooms_.workers().full = true;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Join(bob, {{"password", "s3cret"}}).status().message(), "The server is busy, try again");
  }
  rooms_.workers().full = false;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Join(bob, {{"password", "guess"}}).status(), Wrong());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Join(bob, {{"password", "s3cret"}}).ok());
    ASSERT_TRUE(rooms_.Leave("chat:den", bob, v1::LEAVE_REASON_LEAVE).ok());
  }
}

TEST_F(ChatRoomTest, ARoomKeepsItsPasswordForAsLongAsItIsThere) {
  ASSERT_TRUE(Join(alice_, create_).ok());
  ASSERT_TRUE(rooms_.Leave("chat:den", alice_, v1::LEAVE_REASON_LEAVE).ok());
  rooms_.shards().Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(Metadata(), HasSubstr(R"("isPrivate":true)"));
  EXPECT_EQ(Join("bob").status(), Wrong());
  rooms_.shards().Advance(absl::Minutes(5));
  EXPECT_EQ(Metadata(), "absent");
  EXPECT_TRUE(Join("bob").ok());
  EXPECT_THAT(rooms_.State("chat:den"), HasSubstr(R"("isPrivate":false,"name":"")"));
}

TEST_F(ChatRoomTest, ABadPayloadIsNamed) {
  const auto field = [&](const json::value& payload) {
    const absl::Status status = rooms_.Join("chat:den", alice_, {}, Payload::FromJson(payload)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return ErrorField(status);
  };
  EXPECT_EQ(field({{"passwort", "x"}}), "payload.passwort");
  EXPECT_EQ(field({{"password", 7}}), "payload.password");
  EXPECT_EQ(field({{"create", "yes"}}), "payload.create");
  EXPECT_EQ(field("s3cret"), "payload");
  EXPECT_EQ(field({{"password", std::string(129, 'x')}}), "payload.password");
  EXPECT_EQ(field({{"username", std::string(31, 'x')}}), "payload.username");
  EXPECT_EQ(field({{"create", true}, {"name", std::string(51, 'x')}}), "payload.name");
  EXPECT_EQ(field({{"name", "not mine"}}), "payload.name");
  EXPECT_EQ(Metadata(), "{}");
}

TEST_F(ChatRoomTest, ShowsWhoIsThereByName) {
  FakeSession& bob = rooms_.Session("bob");
  ASSERT_TRUE(Join(bob).ok());
  bob.frames.clear();
  const absl::StatusOr<Admission> joined = Join(alice_, {{"username", "Ália"}});
  ASSERT_TRUE(joined.ok());
  const v1::Member& seen = bob.frames.back().member().joined(0);
  EXPECT_EQ(seen.info().fields().at("username").string_value(), "Ália");
  ASSERT_EQ(joined->response.members_size(), 2);
  for (const v1::Member& member : joined->response.members()) EXPECT_EQ(member.has_info(), member.id() == "alice");
  rooms_.With("chat:den", [&](Room* room) {
    for (const auto& [id, member] : room->members()) EXPECT_EQ(member.ToProto().has_info(), id == "alice");
  });
}

}  // namespace
}  // namespace atrium
