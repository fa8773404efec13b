#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kRoom[] = "scripted:a";

class TypedRoomTest : public ::testing::Test {
 protected:
  TypedRoomTest() { script_.plans["join"].steps = {Do::kChange, Do::kEmit}; }

  struct ForTwo : Script {
    ForTwo() { options.max_members = 2; }
  };
  ForTwo script_;
  ScriptedWorld world_{script_};
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob");
  Client& carol_ = world_.Connect("carol");
};

TEST_F(TypedRoomTest, TheJoinerSeesInItsSnapshotWhatItsJoinSet) {
  EXPECT_EQ(alice_.Join(kRoom)->State(),
            *ParseJson(R"({"left":1,"right":1,"members":["alice"],"changesBy":{"alice":1},"late":false})"));
  EXPECT_EQ(bob_.Join(kRoom)->State().at("members"), (json::value{"alice", "bob"}));
  EXPECT_THAT(alice_.Events(), ElementsAre("snapshot@3", "patch@4", "said@5", "+bob@6"));
  EXPECT_THAT(bob_.Events(), ElementsAre("snapshot@6"));
}

TEST_F(TypedRoomTest, ARefusedJoinLeavesNoTrace) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  alice_.Events();
  const std::string state = world_.State(kRoom);
  Plan& plan = script_.plans["join"];
  plan.verdict = absl::PermissionDeniedError("Not you");
  EXPECT_EQ(bob_.Join(kRoom)->status, JoinRejected("Not you"));
  plan.verdict = absl::PermissionDeniedError("");
  EXPECT_EQ(bob_.Join(kRoom)->status, JoinRejected("Join rejected by room"));
  plan.steps.push_back(Do::kThrow);
  EXPECT_EQ(bob_.Join(kRoom)->status, JoinRejected("Join rejected by room"));
  EXPECT_EQ(world_.State(kRoom), state);
  EXPECT_THAT(alice_.Events(), IsEmpty());
}

TEST_F(TypedRoomTest, ARoomThatIsFullSaysSo) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  ASSERT_THAT(bob_.Join(kRoom), IsOk());
  EXPECT_EQ(carol_.Join(kRoom)->status, RoomFull());
}

TEST_F(TypedRoomTest, APendingJoinHoldsItsSeat) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  script_.plans["join"].steps = {Do::kWait};
  const AnswerPtr waiting = bob_.Join(kRoom);
  EXPECT_EQ(carol_.Join(kRoom)->status, RoomFull());
  EXPECT_FALSE(waiting->there());
  world_.Open("join");
  EXPECT_THAT(waiting, IsOk());
}

TEST_F(TypedRoomTest, AMemberThatGoesWhileItsJoinIsPendingIsNoGhost) {
  script_.plans["join"].steps = {Do::kWait};
  const AnswerPtr joining = bob_.Join(kRoom);
  EXPECT_THAT(world_.Kick(kRoom, bob_), IsOk());
  world_.Open("join");
  EXPECT_THAT(joining, StatusIs(absl::StatusCode::kCancelled));
  // One OnLeave for the OnJoin that said yes.
  EXPECT_THAT(script_.log, ElementsAre("create", "join bob", "leave bob of 1, ticket 2, for LEAVE_REASON_LEAVE"));
  EXPECT_EQ(ParseJson(world_.State(kRoom))->at("members"), json::array());
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(world_.State(kRoom), "absent");
}

TEST_F(TypedRoomTest, AMethodIsOneStep) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  alice_.Events();
  int notified = 0;
  world_.With(kRoom, [&](Room* room) {
    room->Call("change", json::object(), nullptr, /*from_client=*/false,
               [&](const auto& called) { notified = called->notified; });
  });
  EXPECT_EQ(notified, 1);
  EXPECT_THAT(alice_.Events(), ElementsAre("patch@4", "said@5"));

  const std::string state = world_.State(kRoom);
  EXPECT_THAT(world_.Call(kRoom, "change", R"({"fail":"error"})"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(world_.Call(kRoom, "change", R"({"fail":"throw"})"), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(world_.State(kRoom), state);
  EXPECT_THAT(alice_.Events(), IsEmpty());
  // Meta was taken back too: this is the third change (one was the join's), not the fifth.
  EXPECT_EQ(world_.Call(kRoom, "change")->Result().at("changes"), 3);
}

TEST_F(TypedRoomTest, RefusesWhatItDoesNotKnow) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  EXPECT_THAT(world_.Call(kRoom, "noSuch"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ErrorField(world_.Call(kRoom, "change", R"({"txt":"x"})")->status), "args.txt");
  world_.With(kRoom, [](Room* room) { EXPECT_EQ(room->SetState(json::object()), StateIsServerOnly()); });
}

// An id with a colon is an untyped room's too, if there is no such type.
TEST_F(TypedRoomTest, SaysWhyARoomHasNoMethods) {
  constexpr char kNoColon[] = "Room 'plain' is untyped and has no methods: the id of a typed room is `type:instance`";
  constexpr char kNoType[] = "Room 'poll:lunch' is untyped and has no methods: no type 'poll' is registered";
  const auto is = [](const std::string& text) { return StatusIs(absl::StatusCode::kFailedPrecondition, text); };
  std::vector<std::string> types;
  for (const auto& type : world_.registry().types()) types.push_back(type->name);
  std::sort(types.begin(), types.end());
  const std::string registered = "; registered types: " + absl::StrJoin(types, ", ");
  EXPECT_THAT(types, ::testing::Contains("scripted"));
  EXPECT_THAT(world_.Call("plain", "vote"), is(kNoColon + registered));
  EXPECT_THAT(world_.Call("poll:lunch", "vote"), is(kNoType + registered));
  EXPECT_THAT(world_.Call(":lunch", "vote"),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("is `type:instance`")));
  // Which types there are is not a client's to know.
  ASSERT_THAT(alice_.Join("plain"), IsOk());
  ASSERT_THAT(alice_.Join("poll:lunch"), IsOk());
  EXPECT_THAT(alice_.Call("plain", "vote"), is(kNoColon));
  EXPECT_THAT(alice_.Call("poll:lunch", "vote"), is(kNoType));
}

TEST(TypedRoomLimitTest, AStateOverItsLimitFailsTheStep) {
  Script script;
  ScriptedWorld world(script, {.rooms = {.max_state_bytes = 250}});
  Client& alice = world.Connect(std::string(100, 'x'));
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  // Who changes is named in the state.
  EXPECT_EQ(alice.Call(kRoom, "change")->status, StateTooLarge());
  EXPECT_THAT(world.Call(kRoom, "change"), IsOk());
}

// Overrides nothing.
class QuietRoom final : public LiveRoom<ScriptedState, ScriptedMeta> {
 public:
  static constexpr absl::string_view kName = "quiet";
  static void Describe(RoomType<QuietRoom>&) {}
};

// Overrides a hook where nobody can see it.
class ShyRoom final : public LiveRoom<ScriptedState, ScriptedMeta> {
 public:
  static constexpr absl::string_view kName = "shy";
  static void Describe(RoomType<ShyRoom>&) {}

 private:
  absl::Status OnEvent(const EventContext&) override { return absl::OkStatus(); }
};

TEST(RoomRegistryTest, KnowsWhichHooksAClassOverrides) {
  RoomRegistry registry;
  ASSERT_THAT(registry.Add<QuietRoom>(), IsOk());
  ASSERT_THAT(registry.Add<ShyRoom>(), IsOk());
  const RoomTypeInfo::Hooks& quiet = registry.TypeOf("quiet:x")->hooks;
  EXPECT_FALSE(quiet.on_event || quiet.on_event_async || quiet.on_leave_async);
  EXPECT_TRUE(registry.TypeOf("shy:x")->hooks.on_event);
  Script script;
  const RoomRegistry scripted = ScriptedWorld::Registry();
  const RoomTypeInfo::Hooks &at_once = scripted.TypeOf("scripted:x")->hooks,
                            &waiting = scripted.TypeOf("waiting:x")->hooks;
  EXPECT_TRUE(at_once.on_event && !at_once.on_event_async && !at_once.on_leave_async);
  EXPECT_TRUE(waiting.on_event && waiting.on_event_async && waiting.on_leave_async);
}

TEST(RoomRegistryTest, RefusesANameThatIsTaken) {
  Script script;
  RoomRegistry registry = ScriptedWorld::Registry();
  EXPECT_EQ(registry.Add<ScriptedRoom>().message(), "LiveRoom 'scripted' is already registered");
  EXPECT_EQ(registry.TypeOf("scripted:x")->name, "scripted");
  EXPECT_EQ(registry.TypeOf("scriptedx:x"), nullptr);
  EXPECT_EQ(registry.TypeOf("scripted"), nullptr);
}

}  // namespace
}  // namespace atrium::testing
