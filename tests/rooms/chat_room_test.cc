// The chat: its creator, its password, and what others see of it.
#include "rooms/chat_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rooms/room_catalog.h"
#include "server/common/errors.h"
#include "server/live/authoring/room_password.h"
#include "tests/support/matchers.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kDen[] = "chat:den";

class ChatRoomTest : public ::testing::Test {
 protected:
  static RoomRegistry Registry() {
    RoomRegistry registry;
    EXPECT_THAT(RegisterRooms(registry), IsOk());
    EXPECT_THAT(StartPasswordHashing(), IsOk());
    return registry;
  }
  static AnswerPtr Join(Client& client, const json::object& payload = {}) {
    return client.Join(kDen, {.payload = ToJson(payload)});
  }
  AnswerPtr Join(const std::string& name, const json::object& payload = {}) {
    return Join(world_.Connect(name), payload);
  }
  // By a service, if not by a member.
  AnswerPtr SetPassword(const std::string& password, Client* member = nullptr) {
    const std::string args = ToJson({{"password", password}});
    return member == nullptr ? world_.Call(kDen, "setPassword", args) : member->Call(kDen, "setPassword", args);
  }
  AnswerPtr AddMessage(const std::string& text) {
    return world_.Call(kDen, "addMessage", ToJson({{"user", "ana"}, {"text", text}}));
  }
  AnswerPtr Type() { return alice_.Emit(kDen, "typing", R"({"typing":true})", {.is_volatile = true}); }
  static absl::Status Wrong() {
    return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PASSWORD", "Wrong password");
  }
  static absl::Status Exists() {
    return MakeError(absl::StatusCode::kAlreadyExists, "ROOM_EXISTS", "Room already exists");
  }

  RoomWorld world_{Registry()};
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob", "203.0.113.9");
  const json::object create_ = {{"create", true}, {"name", "The den"}, {"password", "s3cret"}};
  const json::object right_ = {{"password", "s3cret"}};
};

TEST_F(ChatRoomTest, KeepsTheLastHundredMessagesAndCountsWhoIsThere) {
  ASSERT_THAT(Join(alice_), IsOk());
  for (int i = 0; i < 100; ++i) ASSERT_THAT(AddMessage(absl::StrCat("m", i)), IsOk());
  alice_.Frames();
  ASSERT_THAT(AddMessage("m100"), IsOk());
  const std::vector<v1::ServerFrame> frames = alice_.Frames();
  ASSERT_EQ(frames.size(), 2u);
  // One dropped in front, one appended: not the whole list.
  const v1::StatePatch& patch = frames[0].patch();
  ASSERT_EQ(patch.operations_size(), 2);
  EXPECT_EQ(patch.operations(0).op(), "remove");
  EXPECT_EQ(patch.operations(0).path(), "/messages/0");
  EXPECT_EQ(patch.operations(1).path(), "/messages/99");
  EXPECT_EQ(frames[1].event().event(), "chat:message");
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("onlineCount":1)"));
  ASSERT_THAT(alice_.Leave(kDen), IsOk());
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("onlineCount":0)"));
  EXPECT_THAT(AddMessage(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ChatRoomTest, StopsWhoHasFallenSilentWhileTyping) {
  ASSERT_THAT(Join(alice_), IsOk());
  ASSERT_THAT(Join(bob_), IsOk());
  bob_.Events();
  EXPECT_EQ(Type()->notified(), 1);
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(Type()->notified(), 1);
  EXPECT_THAT(bob_.Events(), ElementsAre("typing@0", "typing@0"));
  world_.Advance(absl::Milliseconds(2999));
  EXPECT_THAT(bob_.Events(), IsEmpty());
  world_.Advance(absl::Milliseconds(1));
  const std::vector<v1::ServerFrame> frames = bob_.Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(*FromProtoValue(frames[0].event().data()), (json::value{{"memberId", alice_.id()}, {"typing", false}}));
}

TEST_F(ChatRoomTest, ACreatorNamesItsRoomAndLocksIt) {
  const AnswerPtr created = Join(alice_, create_);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->State(), *ParseJson(R"({"messages":[],"onlineCount":1,"isPrivate":true,"name":"The den"})"));
  EXPECT_EQ(world_.Metadata(kDen), R"({"isPrivate":true,"name":"The den","createdBy":"alice"})");
  EXPECT_EQ(Join(bob_)->status, Wrong());
  EXPECT_EQ(Join(bob_, {{"password", "S3cret"}})->status, Wrong());
  EXPECT_EQ(Join(bob_, {{"password", "s3cret "}})->status, Wrong());
  EXPECT_THAT(Join(bob_, {{"password", "s3cret"}}), IsOk());
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("onlineCount":2)"));
}

TEST_F(ChatRoomTest, NothingOfThePasswordIsInWhatLeaves) {
  std::string all;
  for (Client* client : {&alice_, &bob_}) {
    client->on_frame = [&](const v1::ServerFrame& frame) { all += frame.DebugString(); };
  }
  ASSERT_THAT(Join(alice_, create_), IsOk());
  ASSERT_THAT(Join(bob_, {{"password", "s3cret"}}), IsOk());
  ASSERT_THAT(SetPassword("other", &alice_), IsOk());
  EXPECT_THAT(all, HasSubstr("The den"));
  all += world_.State(kDen) + world_.Metadata(kDen);
  for (const char* secret : {"s3cret", "other", "argon2"}) EXPECT_THAT(all, Not(HasSubstr(secret)));
}

TEST_F(ChatRoomTest, ARoomThatExistsCannotBeCreated) {
  Client& first = world_.Connect("first");
  ASSERT_THAT(Join(first), IsOk());
  EXPECT_EQ(Join(alice_, create_)->status, Exists());
  EXPECT_EQ(world_.Metadata(kDen), "{}");
  // One that a service has written to exists too.
  ASSERT_THAT(world_.Call("chat:posted", "addMessage", R"({"user":"ci","text":"hi"})"), IsOk());
  EXPECT_EQ(alice_.Join("chat:posted", {.payload = ToJson(create_)})->status, Exists());
  // It exists for as long as it is there.
  EXPECT_THAT(first.Leave(kDen), IsOk());
  EXPECT_EQ(Join(alice_, create_)->status, Exists());
  world_.Advance(absl::Minutes(5));
  EXPECT_THAT(Join(alice_, create_), IsOk());
}

TEST_F(ChatRoomTest, OfTwoThatCreateARoomAtOnceOneDoes) {
  world_.workers().hold = true;
  const AnswerPtr first = Join(alice_, create_);
  EXPECT_THAT(Join(bob_, create_), StatusIs(absl::StatusCode::kAborted));
  // Who comes without creating comes first.
  EXPECT_THAT(Join("carol"), IsOk());
  world_.Work();
  EXPECT_EQ(first->status, Exists());
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("onlineCount":1,"isPrivate":false,"name":"")"));
  EXPECT_EQ(world_.Metadata(kDen), "{}");
}

TEST_F(ChatRoomTest, ACreatorThatGoesMeanwhileIsNoGhost) {
  world_.workers().hold = true;
  const AnswerPtr joining = Join(alice_, create_);
  ASSERT_THAT(world_.Kick(kDen, alice_), IsOk());
  world_.Work();
  EXPECT_THAT(joining, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("onlineCount":0)"));
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(world_.State(kDen), "absent");
}

TEST_F(ChatRoomTest, OnlyTheCreatorOrAServiceSetsThePassword) {
  ASSERT_THAT(Join(alice_, {{"create", true}}), IsOk());
  ASSERT_THAT(Join(bob_), IsOk());
  EXPECT_THAT(SetPassword("mine", &bob_),
              StatusIs(absl::StatusCode::kPermissionDenied, "Only the creator may set the password"));
  alice_.Events();
  ASSERT_THAT(SetPassword("first", &alice_), IsOk());
  EXPECT_THAT(alice_.Events(), ElementsAre(HasSubstr("patch@")));
  EXPECT_EQ(Join("carol", {{"password", "mine"}})->status, Wrong());
  ASSERT_THAT(SetPassword("second"), IsOk());
  EXPECT_EQ(Join("carol", {{"password", "first"}})->status, Wrong());
  ASSERT_THAT(SetPassword("", &alice_), IsOk());
  EXPECT_EQ(world_.Metadata(kDen), R"({"isPrivate":false,"name":"","createdBy":"alice"})");
  EXPECT_THAT(Join("carol"), IsOk());
  EXPECT_EQ(ErrorField(SetPassword(std::string(129, 'x'))->status), "args.password");
  EXPECT_EQ(ErrorField(world_.Call(kDen, "setPassword", R"({"password":7})")->status), "args.password");
}

TEST_F(ChatRoomTest, WhoComesWithoutCreatingIsNoCreator) {
  ASSERT_THAT(Join(alice_), IsOk());
  EXPECT_THAT(SetPassword("mine", &alice_), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(ChatRoomTest, ThePasswordIsSetOneAtATime) {
  ASSERT_THAT(Join(alice_, {{"create", true}}), IsOk());
  world_.workers().hold = true;
  EXPECT_FALSE(SetPassword("first", &alice_)->there());
  EXPECT_THAT(SetPassword("second", &alice_), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(SetPassword("", &alice_), StatusIs(absl::StatusCode::kAborted));
  world_.workers().hold = false;
  world_.Work();
  EXPECT_THAT(Join(bob_, {{"password", "first"}}), IsOk());
}

TEST_F(ChatRoomTest, APasswordThatChangesWhileItIsCheckedIsCheckedAgain) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  world_.workers().hold = true;
  const AnswerPtr joining = Join(bob_, {{"password", "s3cret"}});
  EXPECT_FALSE(SetPassword("changed")->there());
  world_.workers().hold = false;
  world_.Work();
  // The check was first in the queue; the room has the new password when the other steps are done.
  if (joining->status.ok()) {
    EXPECT_EQ(Join("carol", {{"password", "s3cret"}})->status, Wrong());
  } else {
    EXPECT_EQ(joining->status, Wrong());
  }
  EXPECT_THAT(Join("dave", {{"password", "changed"}}), IsOk());
}

TEST_F(ChatRoomTest, GuessingIsSlowedForASessionAndHoldsUpItsAddress) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  Client& mallory = world_.Connect("mallory", "203.0.113.7");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Join(mallory, {{"password", "guess"}})->status, Wrong());
  world_.Advance(absl::Seconds(20));
  const absl::Status limited = Join(mallory, right_)->status;
  EXPECT_EQ(limited.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.message(), "Too many attempts, try again in 40 s");
  // Another session of that address waits 2 s; one of another address does not.
  Client& innocent = world_.Connect("innocent", "203.0.113.7");
  const AnswerPtr held_up = Join(innocent, right_);
  EXPECT_THAT(Join(world_.Connect("n", "203.0.113.8"), right_), IsOk());
  world_.Advance(RoomPassword::kAddressDelay - absl::Milliseconds(1));
  EXPECT_FALSE(held_up->there());
  world_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(held_up, IsOk());
  // Who has had the right password is held up no more, as a session and as a user.
  ASSERT_THAT(innocent.Leave(kDen), IsOk());
  EXPECT_THAT(Join(innocent, right_), IsOk());
  EXPECT_THAT(Join(world_.Connect("innocent", "203.0.113.7"), right_), IsOk());
  EXPECT_FALSE(Join(world_.Connect("another", "203.0.113.7"), right_)->there());
  world_.Advance(absl::Seconds(40));
  EXPECT_THAT(Join(mallory, right_), IsOk());
}

TEST_F(ChatRoomTest, AGuessThatIsBeingCheckedCounts) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  world_.workers().hold = true;
  std::vector<AnswerPtr> guesses;
  for (int i = 0; i < 7; ++i) {
    guesses.push_back(
        Join(world_.Connect(absl::StrCat("m", i), absl::StrCat("2001:db8::", i)), {{"password", "guess"}}));
  }
  // They have one /64.
  EXPECT_EQ(world_.workers().waiting(), 5u);
  EXPECT_FALSE(guesses[6]->there());
  world_.Advance(RoomPassword::kAddressDelay);
  EXPECT_EQ(world_.workers().waiting(), 7u);
  world_.Work();
  for (const AnswerPtr& guess : guesses) EXPECT_EQ(guess->status, Wrong());
}

// Of one address, so many sessions that all that is bounded is full.
TEST_F(ChatRoomTest, ARoomChecksTenPasswordsASecondInFairTurns) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  std::vector<AnswerPtr> guesses;
  const auto refused = [&] {
    return std::count_if(guesses.begin(), guesses.end(), [](const AnswerPtr& guess) {
      return guess->status.code() == absl::StatusCode::kResourceExhausted;
    });
  };
  const int before = world_.workers().done();
  for (int i = 0; i < 60; ++i) {
    guesses.push_back(Join(world_.Connect(absl::StrCat("m", i), "203.0.113.7"), {{"password", "guess"}}));
  }
  EXPECT_EQ(world_.workers().done() - before, 5);
  EXPECT_EQ(refused(), 60 - 5 - RoomPassword::kMostDelayed);
  EXPECT_EQ(guesses.back()->status.message(), "Too many attempts, try again in 2 s");
  world_.Advance(RoomPassword::kAddressDelay);
  EXPECT_EQ(world_.workers().done() - before, 15) << "the rest of the delayed ones wait for their second";
  const AnswerPtr other = Join(world_.Connect("other", "203.0.113.8"), right_);
  EXPECT_FALSE(other->there());
  int done = world_.workers().done();
  for (int second = 0; second < 2; ++second) {
    world_.Advance(absl::Seconds(1));
    EXPECT_THAT(other, IsOk()) << "it is another address's turn";
    EXPECT_LE(world_.workers().done() - done, 10);
    done = world_.workers().done();
  }
}

// Four sessions create rooms with passwords as fast as they may, and two workers take 100 ms for each.
TEST_F(ChatRoomTest, WhoFloodsTheWorkersHoldsUpNobodyElse) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  world_.workers().hold = true;
  const auto work_for = [&](absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(50)) {
      world_.Advance(absl::Milliseconds(50));
      world_.workers().RunOne();
      world_.Run();
    }
  };
  std::vector<AnswerPtr> flood;
  for (int session = 0; session < 4; ++session) {
    Client& mallory = world_.Connect(absl::StrCat("m", session), "203.0.113.7");
    for (int i = 0; i < 30; ++i) {
      flood.push_back(mallory.Join(absl::StrCat("chat:", session, "-", i), {.payload = ToJson(create_)}));
    }
  }
  EXPECT_EQ(world_.workers().waiting(), 64u);
  EXPECT_EQ(flood.back()->status.message(), "The server is busy, try again");
  const AnswerPtr neighbour = Join(world_.Connect("neighbour", "203.0.113.7"), right_);
  const AnswerPtr other = Join(world_.Connect("other", "203.0.113.8"), right_);
  work_for(absl::Milliseconds(100));
  EXPECT_THAT(other, IsOk()) << "the second in turn";
  work_for(absl::Milliseconds(300));
  EXPECT_THAT(neighbour, IsOk()) << "the sessions of an address take turns";

  // What is late is not done.
  const int done = world_.workers().done();
  world_.Advance(absl::Seconds(5));
  for (const AnswerPtr& create : flood) EXPECT_TRUE(create->there());
  EXPECT_EQ(flood[29]->status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(world_.workers().waiting(), 50u);
  world_.Work();
  EXPECT_EQ(world_.workers().done(), done);
  EXPECT_EQ(world_.workers().waiting(), 0u);
}

TEST_F(ChatRoomTest, WhatIsNoWrongGuessDoesNotCount) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  // None at all, a full pool, the right one.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Join(bob_)->status, Wrong());
  world_.workers().full = true;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Join(bob_, {{"password", "s3cret"}})->status.message(), "The server is busy, try again");
  }
  world_.workers().full = false;
  world_.Advance(absl::Seconds(1));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Join(bob_, {{"password", "guess"}})->status, Wrong());
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(Join(bob_, {{"password", "s3cret"}}), IsOk());
    ASSERT_THAT(bob_.Leave(kDen), IsOk());
  }
}

TEST_F(ChatRoomTest, ARoomKeepsItsPasswordForAsLongAsItIsThere) {
  ASSERT_THAT(Join(alice_, create_), IsOk());
  ASSERT_THAT(alice_.Leave(kDen), IsOk());
  world_.Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(world_.Metadata(kDen), HasSubstr(R"("isPrivate":true)"));
  EXPECT_EQ(Join(bob_)->status, Wrong());
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(world_.Metadata(kDen), "absent");
  EXPECT_THAT(Join(bob_), IsOk());
  EXPECT_THAT(world_.State(kDen), HasSubstr(R"("isPrivate":false,"name":"")"));
}

TEST_F(ChatRoomTest, ABadPayloadIsNamed) {
  const auto field = [&](const json::value& payload) {
    const absl::Status status = alice_.Join(kDen, {.payload = ToJson(payload)})->status;
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
  EXPECT_EQ(world_.Metadata(kDen), "{}");
}

TEST_F(ChatRoomTest, ShowsWhoIsThereByName) {
  ASSERT_THAT(Join(bob_), IsOk());
  const AnswerPtr joined = Join(alice_, {{"username", "Ália"}});
  ASSERT_THAT(joined, IsOk());
  const v1::ServerFrame last = bob_.Frames().back();
  EXPECT_EQ(last.member().joined(0).info().fields().at("username").string_value(), "Ália");
  const v1::JoinResponse& response = joined->reply.join();
  ASSERT_EQ(response.members_size(), 2);
  for (const v1::Member& member : response.members()) EXPECT_EQ(member.has_info(), member.id() == alice_.id());
  world_.With(kDen, [&](Room* room) {
    for (const auto& [id, member] : room->roster().members()) EXPECT_EQ(member.ToProto().has_info(), id == alice_.id());
  });
}

}  // namespace
}  // namespace atrium::testing
