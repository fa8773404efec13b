// Sessions that lose their connection and come back, without sockets, threads or clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/session/session_world.h"
#include "tests/support/matchers.h"
#include "tests/support/probe.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::SessionWorld;
using ::testing::SizeIs;
using Client = SessionWorld::Client;

class ShortRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "short";
  static void Describe(RoomType<ShortRoom>& type) { type.options().resume_window = absl::Seconds(5); }
};

class LongRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "long";
  static void Describe(RoomType<LongRoom>& type) { type.options().resume_window = absl::Seconds(60); }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(AddProbes(registry).ok());
  EXPECT_TRUE(registry.Add<ShortRoom>().ok());
  EXPECT_TRUE(registry.Add<LongRoom>().ok());
  return registry;
}

v1::ClientFrame Join(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_join()->set_room_id(room);
  return frame;
}

v1::ClientFrame Emit(const std::string& room, const std::string& event) {
  v1::ClientFrame frame;
  frame.mutable_emit()->set_room_id(room);
  frame.mutable_emit()->set_event(event);
  return frame;
}

class ResumeTest : public ::testing::Test {
 protected:
  explicit ResumeTest(SessionSettings settings = {}, RoomSettings rooms = {}) : world_(Registry(), settings, rooms) {}

  // What a client was told of rooms, each frame in a word.
  static std::vector<std::string> Words(const Client& client) {
    std::vector<std::string> words;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (frame.has_event()) words.push_back(frame.event().event());
      if (frame.has_left()) words.push_back("left " + frame.left().room_id());
      if (frame.has_snapshot()) words.push_back("snapshot " + frame.snapshot().room().id());
      if (frame.has_goodbye()) words.push_back(absl::StrCat("goodbye ", frame.goodbye().code()));
      for (const v1::Member& member : frame.member().changed()) {
        words.push_back(absl::StrCat(member.user_id(), member.connected() ? " is back" : " is away"));
      }
      for (const v1::Departure& gone : frame.member().left()) words.push_back(gone.member().user_id() + " left");
      for (const v1::Member& member : frame.member().joined()) words.push_back(member.user_id() + " joined");
    }
    return words;
  }
  std::vector<v1::Session> List() {
    std::vector<v1::Session> sessions;
    world_.sessions().ListSessions(Caller::Service(), {}, [&](const auto& response) {
      sessions.assign(response->message->sessions().begin(), response->message->sessions().end());
    });
    world_.Run();
    return sessions;
  }

  SessionWorld world_;
  Client& ana_ = world_.Connect("ana", 0);
  Client& bo_ = world_.Connect("bo", 1);
};

TEST_F(ResumeTest, BringsExactlyWhatWasMissedInItsOrder) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  bo_.Ask(Emit("geral", "before"));
  ana_.Lose();
  bo_.Ask(Emit("geral", "one"));
  world_.Emit("geral", "for ana", {.to = {ana_.id()}});
  world_.Emit("geral", "for bo", {.to = {bo_.id()}});
  world_.Emit("geral", "not for ana", {.exclude = {ana_.id()}});
  bo_.Ask(Emit("geral", "two"));

  Client& back = world_.Resume(ana_);
  EXPECT_TRUE(back.welcome().resumed());
  EXPECT_EQ(back.id(), ana_.id());
  bo_.Ask(Emit("geral", "three"));
  EXPECT_THAT(Words(back), ElementsAre("one", "for ana", "two", "three"));
}

TEST_F(ResumeTest, GoesOnBehindWhatTheClientNamesElseBehindWhatWasWritten) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  bo_.Ask(Emit("geral", "one"));
  const v1::Position known = bo_.Ask(Emit("geral", "two")).emit().position();
  bo_.Ask(Emit("geral", "three"));
  ana_.Read(0);
  bo_.Ask(Emit("geral", "four"));
  ana_.Lose();
  EXPECT_THAT(Words(world_.Resume(ana_)), ElementsAre("four"));

  Client& dora = world_.Connect("dora", 0);
  dora.Ask(Join("geral"));
  dora.Lose();
  v1::Hello hello;
  hello.set_resume_token(dora.welcome().resume_token());
  hello.add_known()->set_room_id("geral");
  *hello.mutable_known(0)->mutable_position() = known;
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre("three", "four", "dora joined"));
}

TEST_F(ResumeTest, APositionThatIsNotKeptBringsASnapshot) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  v1::Hello hello;
  hello.set_resume_token(ana_.welcome().resume_token());
  hello.add_known()->set_room_id("geral");
  hello.mutable_known(0)->mutable_position()->set_epoch("another");
  Client& back = world_.Connect(hello);
  EXPECT_THAT(Words(back), ElementsAre("snapshot geral"));
  EXPECT_FALSE(back.frames().at(1).snapshot().recovered());
  EXPECT_EQ(back.frames().at(1).snapshot().members_size(), 1);
}

TEST_F(ResumeTest, TheOthersHearOfItAfterTwoSecondsOnly) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  ana_.Lose();
  world_.Advance(absl::Milliseconds(1900));
  Client& back = world_.Resume(ana_);
  world_.Advance(absl::Seconds(30));
  EXPECT_THAT(Words(bo_), IsEmpty());

  back.Lose();
  world_.Advance(absl::Milliseconds(2100));
  EXPECT_THAT(Words(bo_), ElementsAre("ana is away"));
  world_.Resume(back);
  EXPECT_THAT(Words(bo_), ElementsAre("ana is away", "ana is back"));
}

TEST_F(ResumeTest, EachRoomWaitsAsLongAsItsTypeSaysAndTheSessionAsTheLongest) {
  EXPECT_THAT(world_.Join("short:a", ana_.id()), IsOk());
  EXPECT_THAT(world_.Join("long:a", ana_.id()), IsOk());
  ana_.Ask(Join("geral"));
  ana_.Lose();
  world_.Advance(absl::Seconds(4));
  EXPECT_EQ(world_.Members("short:a"), 1);
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(world_.Members("short:a"), 0);
  EXPECT_EQ(world_.Members("geral"), 1);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(world_.Members("geral"), 0);
  EXPECT_EQ(world_.Members("long:a"), 1);

  Client& back = world_.Resume(ana_);
  EXPECT_TRUE(back.welcome().resumed());
  const std::vector<std::string> words = Words(back);
  EXPECT_THAT(words, ElementsAre("left short:a", "left geral", "ana is away", "ana is back"));
  EXPECT_EQ(back.frames().at(1).left().reason(), v1::LEAVE_REASON_DISCONNECT);

  back.Lose();
  world_.Advance(absl::Seconds(61));
  EXPECT_EQ(world_.Members("long:a"), 0);
  EXPECT_EQ(List().size(), 1u);
  EXPECT_FALSE(world_.Resume(back).welcome().resumed());
}

TEST_F(ResumeTest, ATokenWorksOnceAndForItsOwnSessionOnly) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  const std::string token = ana_.welcome().resume_token();
  const auto try_token = [&](const std::string& resume_token, const std::string& user = "") {
    v1::Hello hello;
    hello.set_token(user);
    hello.set_resume_token(resume_token);
    return world_.Connect(hello).welcome().resumed();
  };
  EXPECT_FALSE(try_token("nonsense"));
  EXPECT_FALSE(try_token("s7-0.1.0"));
  EXPECT_FALSE(try_token(token.substr(0, token.size() - 1)));
  EXPECT_FALSE(try_token(ana_.id() + bo_.welcome().resume_token().substr(bo_.id().size())));
  EXPECT_FALSE(try_token(token, "eve"));
  EXPECT_EQ(world_.Members("geral"), 1);
  EXPECT_TRUE(try_token(token, "ana"));
  EXPECT_FALSE(try_token(token, "ana"));
  EXPECT_EQ(world_.Members("geral"), 1);
  EXPECT_EQ(world_.hub(0).counters().resumed.value(), 1);
}

TEST_F(ResumeTest, ATokenWorksAgainIfItsWelcomeWasNotSent) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  v1::Hello hello;
  hello.set_resume_token(ana_.welcome().resume_token());
  world_.Vanish(hello);
  Client& back = world_.Connect(hello);
  EXPECT_TRUE(back.welcome().resumed());
  EXPECT_EQ(back.id(), ana_.id());
  EXPECT_FALSE(world_.Connect(hello).welcome().resumed());
}

TEST_F(ResumeTest, AConnectionThatIsOnlyThoughtAliveGivesWay) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  ana_.Read(0);
  bo_.Ask(Emit("geral", "one"));
  Client& back = world_.Resume(ana_);
  EXPECT_THAT(Words(back), ElementsAre("one"));
  ana_.Read(100);
  EXPECT_THAT(Words(ana_), ElementsAre("bo joined", "goodbye 3505"));
  ana_.Lose();
  world_.Advance(absl::Seconds(20));
  bo_.Ask(Emit("geral", "two"));
  EXPECT_THAT(Words(back), ElementsAre("one", "two"));
  EXPECT_THAT(Words(bo_), IsEmpty());
}

TEST_F(ResumeTest, AConnectionOnAnotherShardIsHandedOverWithWhatIsBehindItsHello) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  ana_.Lose();
  bo_.Ask(Emit("geral", "one"));
  v1::Hello hello;
  hello.set_resume_token(ana_.welcome().resume_token());
  Client& back = world_.Connect(hello, 1, {Emit("geral", "hi"), Join("other")});
  EXPECT_EQ(back.id(), ana_.id());
  EXPECT_TRUE(back.Reply(2).has_emit());
  EXPECT_TRUE(back.Reply(3).has_join());
  EXPECT_TRUE(back.Ask(Emit("other", "hello")).has_emit());
  EXPECT_THAT(Words(back), ElementsAre("one"));
  EXPECT_THAT(Words(bo_), ElementsAre("hi"));
  back.Leave();
  EXPECT_EQ(world_.Members("geral"), 1);
  EXPECT_EQ(world_.hub(0).counters().connections[static_cast<int>(Encoding::kGrpc)].value(), 0);
}

TEST_F(ResumeTest, WhoIsBroughtInOrTakenOutMeanwhileIsTold) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  EXPECT_THAT(world_.Join("hall:1", ana_.id()), IsOk());
  EXPECT_THAT(world_.Kick("geral", ana_.id()), IsOk());
  world_.Emit("hall:1", "news");
  Client& back = world_.Resume(ana_);
  EXPECT_THAT(Words(back), ElementsAre("left geral", "snapshot hall:1"));
  world_.Emit("hall:1", "more");
  EXPECT_THAT(Words(back), ElementsAre("left geral", "snapshot hall:1", "more"));
}

TEST_F(ResumeTest, WhoNamesARoomThatItIsNotInIsToldThatItHasLeft) {
  const v1::Position position = ana_.Ask(Join("geral")).join().position();
  v1::ClientFrame leave;
  leave.mutable_leave()->set_room_id("geral");
  ana_.Read(0);
  ana_.Ask(leave);
  ana_.Lose();
  v1::Hello hello;
  hello.set_resume_token(ana_.welcome().resume_token());
  hello.add_known()->set_room_id("geral");
  *hello.mutable_known(0)->mutable_position() = position;
  EXPECT_THAT(Words(world_.Connect(hello)), ElementsAre("left geral"));
}

class FewRoomsTest : public ResumeTest {
 protected:
  FewRoomsTest() : ResumeTest({.max_rooms = 2}) {
    ana_.Lose();
    hello_.set_resume_token(ana_.welcome().resume_token());
    for (int i = 0; i < 10; ++i) hello_.add_known()->set_room_id(absl::StrCat("r", i));
  }

  v1::Hello hello_;
};

TEST_F(FewRoomsTest, WhoNamesMoreRoomsThanItMayBeInIsToldOfSoManyOnly) {
  EXPECT_THAT(Words(world_.Connect(hello_)), ElementsAre("left r0", "left r1"));
}

TEST_F(FewRoomsTest, WhatTheClientNamesAgainIsNotKeptForIt) {
  world_.Vanish(hello_);
  world_.Vanish(hello_);
  EXPECT_THAT(Words(world_.Resume(ana_)), IsEmpty());
}

TEST_F(FewRoomsTest, WhatIsNamedMustBeRooms) {
  hello_.mutable_known(3)->set_room_id("no/room");
  Client& refused = world_.Connect(hello_);
  ASSERT_THAT(refused.frames(), SizeIs(1));
  EXPECT_EQ(refused.frames().front().reply().error().code(), 3);
}

TEST_F(ResumeTest, AJoinWhoseReplyIsLostIsToldByASnapshot) {
  ana_.Read(0);
  ana_.Ask(Join("geral"));
  ana_.Lose();
  EXPECT_THAT(Words(world_.Resume(ana_)), ElementsAre("snapshot geral"));
}

TEST_F(ResumeTest, RepliesToTheOldConnectionDoNotComeOverTheNewOne) {
  ana_.Send(Join("geral"));
  ana_.Lose();
  Client& back = world_.Resume(ana_);
  EXPECT_FALSE(back.Reply(2).has_join());
  EXPECT_THAT(Words(back), ElementsAre("snapshot geral"));
}

TEST_F(ResumeTest, AGoodbyeAndADisconnectEndTheSession) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  v1::DisconnectSessionRequest request;
  request.set_session_id(ana_.id());
  world_.sessions().DisconnectSession(Caller::Service(), {request}, [](const auto&) {});
  world_.Run();
  EXPECT_EQ(world_.Members("geral"), 0);
  EXPECT_FALSE(world_.Resume(ana_).welcome().resumed());
  const std::string token = bo_.welcome().resume_token();
  bo_.Leave();
  v1::Hello hello;
  hello.set_resume_token(token);
  EXPECT_FALSE(world_.Connect(hello).welcome().resumed());
}

TEST_F(ResumeTest, ListSessionsShowsWhoIsAway) {
  ana_.Lose();
  const std::vector<v1::Session> sessions = List();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_FALSE(sessions[0].connected());
  EXPECT_EQ(sessions[0].queue_bytes(), 0);
  EXPECT_TRUE(sessions[1].connected());
  EXPECT_EQ(world_.hub(0).counters().detached.value(), 1);
  world_.Resume(ana_);
  EXPECT_EQ(world_.hub(0).counters().detached.value(), 0);
}

TEST_F(ResumeTest, ComponentsRunOnAndTellTheirWholeState) {
  v1::ClientFrame mount;
  mount.mutable_mount()->set_component("Probe");
  const std::string component = ana_.Ask(mount).mount().component_id();
  v1::ClientFrame say;
  say.mutable_call()->set_component_id(component);
  say.mutable_call()->set_method("set");
  (*say.mutable_call()->mutable_args()->mutable_struct_value()->mutable_fields())["text"].set_string_value("hello");
  ana_.Ask(say);
  ana_.Lose();
  Client& back = world_.Resume(ana_);
  ASSERT_EQ(back.frames().size(), 2u);
  const v1::ComponentPatch& patch = back.frames().at(1).component();
  EXPECT_EQ(patch.component_id(), component);
  EXPECT_EQ(patch.version(), 1u);
  ASSERT_EQ(patch.operations_size(), 1);
  EXPECT_EQ(patch.operations(0).op(), "replace");
  EXPECT_EQ(patch.operations(0).path(), "");
  EXPECT_EQ(patch.operations(0).value().struct_value().fields().at("text").string_value(), "hello");
}

TEST_F(ResumeTest, AShutdownEndsThoseWhoAreAway) {
  ana_.Ask(Join("geral"));
  ana_.Lose();
  world_.hub(0).SayGoodbye(100);
  world_.Run();
  EXPECT_EQ(world_.hub(0).sessions().size(), 0u);
}

class RateTest : public ResumeTest {
 protected:
  RateTest() : ResumeTest({.rate = 1, .burst = 3, .max_rooms = 1, .max_components = 0}) {}
};

TEST_F(RateTest, TheRateOfRequestsIsTheSessionsOwn) {
  ana_.Ask(Join("geral"));
  ana_.Ask(Emit("geral", "hi"));
  ana_.Lose();
  Client& back = world_.Resume(ana_);
  EXPECT_TRUE(back.Ask(Emit("geral", "hi")).has_emit());
  EXPECT_TRUE(back.Ask(Emit("geral", "hi")).has_error());
}

class NoWindowTest : public ResumeTest {
 protected:
  NoWindowTest() : ResumeTest({.resume_window = absl::ZeroDuration()}, {.resume_window = absl::ZeroDuration()}) {}
};

TEST_F(NoWindowTest, WithoutAWindowTheSessionEndsAtOnceUnlessARoomWaits) {
  ana_.Ask(Join("geral"));
  bo_.Ask(Join("geral"));
  ana_.Lose();
  EXPECT_THAT(Words(bo_), ElementsAre("ana left"));
  EXPECT_FALSE(world_.Resume(ana_).welcome().resumed());

  EXPECT_THAT(world_.Join("long:a", bo_.id()), IsOk());
  bo_.Lose();
  EXPECT_EQ(world_.Members("geral"), 0);
  EXPECT_EQ(world_.Members("long:a"), 1);
  EXPECT_TRUE(world_.Resume(bo_).welcome().resumed());
}

}  // namespace
}  // namespace atrium
