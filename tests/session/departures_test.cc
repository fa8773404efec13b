// What a client that was away is told of the rooms that it and its components are not in any more.
#include "server/session/departures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/live/rooms/room_identity.h"
#include "server/session/seats.h"
#include "tests/session/session_world.h"
#include "tests/support/matchers.h"
#include "tests/support/probe.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SessionWorld;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Client = SessionWorld::Client;

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(AddProbes(registry).ok());
  return registry;
}

v1::ClientFrame JoinFrame(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_join()->set_room_id(room);
  return frame;
}

v1::ClientFrame LeaveFrame(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  return frame;
}

class DeparturesTest : public ::testing::Test {
 protected:
  std::string Mount() {
    v1::ClientFrame frame;
    frame.mutable_mount()->set_component("Probe");
    return ana_.Ask(frame).mount().component_id();
  }
  void HaveJoin(const std::string& component, const std::string& room) {
    v1::ClientFrame frame;
    frame.mutable_call()->set_component_id(component);
    frame.mutable_call()->set_method("join");
    auto& args = *frame.mutable_call()->mutable_args()->mutable_struct_value()->mutable_fields();
    args["user"].set_string_value(room);
    args["text"].set_string_value("");
    ASSERT_TRUE(ana_.Ask(frame).has_call());
  }
  v1::Position PositionOf(const std::string& room) {
    v1::Position position;
    world_.With(room, [&](Room* found) {
      if (found != nullptr) position = found->position();
    });
    return position;
  }
  void Destroy(const std::string& room) {
    EXPECT_THAT(world_.Destroy(room), IsOk());
    world_.Advance(absl::ZeroDuration());
    ASSERT_EQ(world_.Members(room), -1);
  }
  // The hello of who comes back to the session of `client`.
  static v1::Hello HelloOf(const Client& client) {
    v1::Hello hello;
    hello.set_resume_token(client.welcome().resume_token());
    return hello;
  }
  static void Name(v1::Hello& hello, const std::string& room, const v1::Position& position) {
    v1::RoomPosition& known = *hello.add_known();
    known.set_room_id(room);
    *known.mutable_position() = position;
  }
  // "left <room> <member> <reason>", "snapshot <room> <member>" and the names of events.
  static std::vector<std::string> Words(const Client& client) {
    std::vector<std::string> words;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (frame.has_event()) words.push_back(frame.event().event());
      if (frame.has_left())
        words.push_back(Left(frame.left().room_id(), frame.left().member_id(), frame.left().reason()));
      if (frame.has_snapshot()) {
        words.push_back(absl::StrCat("snapshot ", frame.snapshot().room().id(), " ", frame.snapshot().member_id()));
      }
    }
    return words;
  }
  static std::string Left(const std::string& room, const std::string& member, v1::LeaveReason reason) {
    return absl::StrCat("left ", room, " ", member, " ", v1::LeaveReason_Name(reason));
  }

  Diary diary_;
  SessionWorld world_{Registry()};
  Client& ana_ = world_.Connect("ana", 0);
};

TEST_F(DeparturesTest, ARoomThatWasDestroyedMeanwhileIsToldOfOnce) {
  ana_.Ask(JoinFrame("geral"));
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  ana_.Lose();
  Destroy("geral");
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_CLEANUP)));
}

TEST_F(DeparturesTest, ARoomThatIsThereAnewIsAnother) {
  ana_.Ask(JoinFrame("geral"));
  v1::Hello hello = HelloOf(ana_);
  const v1::Position old = PositionOf("geral");
  Name(hello, "geral", old);
  ana_.Lose();
  Destroy("geral");
  EXPECT_THAT(world_.Join("geral", ana_.id()), IsOk());
  ASSERT_NE(PositionOf("geral").epoch(), old.epoch());
  Client& back = world_.Connect(hello);
  EXPECT_THAT(Words(back), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_CLEANUP),
                                       absl::StrCat("snapshot geral ", ana_.id())));
  world_.Emit("geral", "more");
  EXPECT_EQ(Words(back).back(), "more");
}

TEST_F(DeparturesTest, AStayThatTheClientNeverHeardOfIsNotToldOf) {
  ana_.Ask(JoinFrame("geral"));
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  ana_.Lose();
  Destroy("geral");
  EXPECT_THAT(world_.Join("geral", ana_.id()), IsOk());
  EXPECT_THAT(world_.Kick("geral", ana_.id()), IsOk());
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_LEAVE)));
}

TEST_F(DeparturesTest, OnlyMembersThatWereInAreToldOfEachByItself) {
  const std::string in = Mount();
  Mount();
  HaveJoin(in, "geral");
  ana_.Ask(JoinFrame("own"));
  v1::Hello hello = HelloOf(ana_);
  for (const char* room : {"geral", "own"}) Name(hello, room, PositionOf(room));
  // The words of this are written, and do not arrive.
  EXPECT_THAT(world_.Kick("geral", in), IsOk());
  EXPECT_THAT(world_.Kick("own", ana_.id()), IsOk());
  ana_.Lose();
  EXPECT_THAT(Words(world_.Connect(hello)),
              ElementsAre(Left("geral", in, v1::LEAVE_REASON_LEAVE), Left("own", ana_.id(), v1::LEAVE_REASON_LEAVE)));
}

TEST_F(DeparturesTest, OfAComponentThatIsUnmountedTooItIsToldByItsId) {
  const std::string gone = Mount();
  HaveJoin(gone, "geral");
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  v1::ClientFrame unmount;
  unmount.mutable_unmount()->set_component_id(gone);
  EXPECT_TRUE(ana_.Ask(unmount).has_unmount());
  ana_.Lose();
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre(Left("geral", gone, v1::LEAVE_REASON_LEAVE)));
}

TEST_F(DeparturesTest, WhoLeavesARoomWhereTheSessionStaysIsToldOfUntilTheClientHasHeard) {
  const std::string probe = Mount();
  ana_.Ask(JoinFrame("geral"));
  HaveJoin(probe, "geral");
  v1::Hello before = HelloOf(ana_);
  Name(before, "geral", PositionOf("geral"));
  EXPECT_THAT(world_.Kick("geral", probe), IsOk());
  ana_.Lose();
  Client& back = world_.Connect(before);
  EXPECT_THAT(Words(back), ElementsAre(Left("geral", probe, v1::LEAVE_REASON_LEAVE)));

  v1::Hello behind = HelloOf(back);
  Name(behind, "geral", PositionOf("geral"));
  back.Lose();
  Client& again = world_.Connect(behind);
  ASSERT_TRUE(again.welcome().resumed());
  EXPECT_THAT(Words(again), IsEmpty());
}

TEST_F(DeparturesTest, AClientThatHasReadMoreThanTheServerKnowsStaysIn) {
  ana_.Ask(JoinFrame("geral"));
  ana_.Read(0);
  EXPECT_THAT(world_.Kick("geral", ana_.id()), IsOk());
  EXPECT_THAT(world_.Join("geral", ana_.id()), IsOk());
  // The `left` and the snapshot have arrived after all.
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  ana_.Lose();
  Client& back = world_.Connect(hello);
  EXPECT_THAT(Words(back), IsEmpty());
  world_.Emit("geral", "more");
  EXPECT_THAT(Words(back), ElementsAre("more"));
}

TEST_F(DeparturesTest, WhoSaysNothingIsToldWhatWasNotWritten) {
  ana_.Ask(JoinFrame("geral"));
  ana_.Ask(JoinFrame("own"));
  EXPECT_THAT(world_.Kick("own", ana_.id()), IsOk());
  ana_.Read(0);
  EXPECT_THAT(world_.Kick("geral", ana_.id()), IsOk());
  EXPECT_THAT(world_.Join("geral", ana_.id()), IsOk());
  ana_.Lose();
  EXPECT_THAT(Words(world_.Resume(ana_)), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_LEAVE),
                                                      absl::StrCat("snapshot geral ", ana_.id())));
}

TEST_F(DeparturesTest, WhatIsNotWrittenAgainIsToldAgain) {
  ana_.Ask(JoinFrame("geral"));
  ana_.Lose();
  EXPECT_THAT(world_.Kick("geral", ana_.id()), IsOk());
  world_.Vanish(HelloOf(ana_));
  Client& back = world_.Resume(ana_);
  EXPECT_THAT(Words(back), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_LEAVE)));
  back.Lose();
  EXPECT_THAT(Words(world_.Resume(back)), IsEmpty());
}

TEST_F(DeparturesTest, WhoKnowsTheRoomOfBeforeGetsASnapshotForEachOfItsMembers) {
  const std::string probe = Mount();
  ana_.Ask(JoinFrame("geral"));
  HaveJoin(probe, "geral");
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  // All of this is written, and does not arrive.
  Destroy("geral");
  ana_.Ask(JoinFrame("geral"));
  HaveJoin(probe, "geral");
  ana_.Lose();
  std::vector<std::string> words = Words(world_.Connect(hello));
  ASSERT_THAT(words, SizeIs(4));
  const std::vector<std::string> snapshots(words.begin() + 2, words.end());
  words.resize(2);
  EXPECT_THAT(words, UnorderedElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_CLEANUP),
                                          Left("geral", probe, v1::LEAVE_REASON_CLEANUP)));
  EXPECT_THAT(snapshots,
              UnorderedElementsAre(absl::StrCat("snapshot geral ", ana_.id()), absl::StrCat("snapshot geral ", probe)));
}

TEST_F(DeparturesTest, ALeaveWhoseReplyIsLostIsOneThatWasAskedFor) {
  ana_.Ask(JoinFrame("geral"));
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "geral", PositionOf("geral"));
  ana_.Read(0);
  ana_.Ask(LeaveFrame("geral"));
  ana_.Lose();
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_LEAVE)));
}

TEST_F(DeparturesTest, ALeaveThatIsDecidedMeanwhileIsToldOf) {
  ana_.Ask(JoinFrame("geral"));
  ana_.Send(LeaveFrame("geral"));
  ana_.Lose();
  EXPECT_THAT(Words(world_.Resume(ana_)), ElementsAre(Left("geral", ana_.id(), v1::LEAVE_REASON_LEAVE)));
}

TEST_F(DeparturesTest, OfARoomThatItWasNotInNoReasonIsKnown) {
  Mount();
  v1::Hello hello = HelloOf(ana_);
  Name(hello, "nowhere", {});
  ana_.Lose();
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre(Left("nowhere", ana_.id(), v1::LEAVE_REASON_UNSPECIFIED)));
}

// ---- What is remembered

Departures::Departure Written(const std::string& room, SteadyTime time = {}) {
  return {.room_id = room, .member_id = "s", .room = RoomKey(room), .offset = 1, .time = time};
}

std::vector<std::string> RoomsOf(const std::vector<Departures::Departure>& departures) {
  std::vector<std::string> rooms;
  for (const Departures::Departure& gone : departures) rooms.push_back(gone.room_id);
  return rooms;
}

class MemoryTest : public ::testing::Test {
 protected:
  void Name(const std::string& room) {
    v1::RoomPosition& known = *known_.Add();
    known.set_room_id(room);
    known.mutable_position()->set_epoch(room);
  }

  const std::string id_ = "s";
  Seats seats_{id_};
  Departures departures_;
  google::protobuf::RepeatedPtrField<v1::RoomPosition> known_;
};

TEST_F(MemoryTest, IsBoundedByWhatIsWritten) {
  Departures::Departure unsent = Written("unsent");
  unsent.unsent = true;
  departures_.Add(unsent);
  for (size_t i = 0; i < 2 * Departures::kMost; ++i) {
    departures_.Add(Written(absl::StrCat("r", i)));
    Name(absl::StrCat("r", i));
  }
  const std::vector<std::string> rooms = RoomsOf(departures_.TakeOwed(known_, seats_));
  ASSERT_THAT(rooms, SizeIs(Departures::kMost));
  EXPECT_EQ(rooms.front(), "unsent");
  EXPECT_EQ(rooms.back(), absl::StrCat("r", 2 * Departures::kMost - 1));
}

TEST_F(MemoryTest, GoesWithTheTimeUnlessItIsUnsent) {
  const SteadyTime now = SteadyTime::FromNanoseconds(1'000'000'000'000);
  Departures::Departure unsent = Written("unsent", now - absl::Minutes(10));
  unsent.unsent = true;
  departures_.Add(unsent);
  departures_.Add(Written("old", now - absl::Minutes(3)));
  departures_.Add(Written("new", now - absl::Minutes(1)));
  departures_.ForgetBefore(now - Departures::kHeardWithin);
  for (const char* room : {"unsent", "old", "new"}) Name(room);
  EXPECT_THAT(RoomsOf(departures_.TakeOwed(known_, seats_)), ElementsAre("unsent", "new"));
}

TEST(RoomKeyTest, IsTheSameInEachProcess) {
  // The test vectors of FNV-1a.
  static_assert(RoomKey("") == 0xcbf29ce484222325);
  EXPECT_EQ(RoomKey("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(RoomKey("foobar"), 0x85944171f73967e8u);
}

// ---- Requests that are none

TEST_F(DeparturesTest, AFrameWithoutARequestIsRefusedByItsField) {
  const v1::Reply empty = ana_.Ask(v1::ClientFrame());
  EXPECT_EQ(empty.error().code(), 3);
  EXPECT_THAT(empty.error().message(), HasSubstr("frame: must hold a request"));
  // Whoever reads frames.
  ana_.SendAsRead({.id = 77});
  world_.Run();
  EXPECT_EQ(ana_.Reply(77).error().code(), 3);
  EXPECT_EQ(ana_.Reply(77).error().message(), empty.error().message());
}

}  // namespace
}  // namespace atrium
