// A type of rooms that is no C++ class and has no messages lives as all others do.
#include "tests/support/script_behaviour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kRoom[] = "script:a";
constexpr char kScript[] = R"({
  "onCreate": [{"merge": {"visits": {}}}],
  "onJoin":   [{"args": true}, {"wait": 1}, {"merge": {"open": true}}],
  "onEvent":  [{"args": true}],
  "onLeave":  [{"wait": 1}, {"merge": {"open": false}}],
  "methods":  {"add":  [{"args": true}, {"meta": {"added": true}}, {"emit": "added"}],
               "fail": [{"args": true}, {"meta": {"failed": true}}, {"emit": "added"}, {"fail": "planted"}],
               "slow": [{"merge": {"step": 1}}, {"wait": 1}, {"merge": {"step": 2}}, {"fail": "planted"}]}
})";

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_THAT(registry.Add(ScriptType("script", kScript, {.durable = true, .empty_ttl = absl::Minutes(1)})), IsOk());
  return registry;
}

class ScriptBehaviourTest : public ::testing::Test {
 protected:
  ScriptBehaviourTest() {
    log_.auto_complete = true;
    Start();
  }

  void Start() { world_ = std::make_unique<RoomWorld>(Registry(), Storing(log_)); }
  // As by kill -9.
  void Crash() {
    log_.Crash();
    world_ = nullptr;
    log_.Crash();
  }
  Client& Joined(const std::string& name, const std::string& payload = "") {
    Client& client = world_->Connect(name);
    const AnswerPtr joining = client.Join(kRoom, {.payload = payload});
    EXPECT_FALSE(joining->there());
    world_->Advance(absl::Seconds(1));
    EXPECT_THAT(joining, IsOk());
    return client;
  }

  MemoryLog log_;
  std::unique_ptr<RoomWorld> world_;
};

TEST_F(ScriptBehaviourTest, AMemberJoinsCallsAndEmits) {
  Client& alice = Joined("alice", R"({"visits":{"alice":1}})");
  EXPECT_THAT(alice.Events(), ElementsAre("snapshot@4"));
  EXPECT_EQ(world_->State(kRoom), R"({"visits":{"alice":1},"open":true})");
  EXPECT_EQ(alice.Call(kRoom, "add", R"({"n":1})")->Result().at("n"), 1);
  EXPECT_THAT(alice.Events(), ElementsAre("patch@5", "added@6"));
  // Any JSON may be said, by whom the type lets say it; OnEventAsync takes it into the state.
  EXPECT_EQ(alice.Emit(kRoom, "said", R"({"n":2})", {}, /*include_self=*/true)->notified(), 1);
  EXPECT_THAT(alice.Events(), ElementsAre("patch@7", "said@8"));
  EXPECT_EQ(alice.Emit(kRoom, "unsaid")->status, EventFromClientRefused("unsaid"));
  EXPECT_THAT(alice.Call(kRoom, "noSuch"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(world_->State(kRoom), R"({"visits":{"alice":1},"open":true,"n":2})");
}

TEST_F(ScriptBehaviourTest, AStepThatFailsIsUndone) {
  Client& alice = Joined("alice");
  alice.Events();
  const std::string before = world_->State(kRoom);
  EXPECT_EQ(alice.Call(kRoom, "fail", R"({"n":1})")->status.message(), "planted");
  EXPECT_THAT(alice.Events(), IsEmpty());
  EXPECT_EQ(world_->State(kRoom), before);
  const AnswerPtr slow = alice.Call(kRoom, "slow");
  world_->Advance(absl::Seconds(1));
  EXPECT_EQ(slow->status.message(), "planted");
  EXPECT_EQ(ParseJson(world_->State(kRoom))->at("step"), 1) << "of the step before";
}

TEST_F(ScriptBehaviourTest, ItGoesOnWithALeaveThatWaits) {
  Client& alice = Joined("alice");
  Client& bob = Joined("bob");
  bob.Events();
  ASSERT_THAT(alice.Leave(kRoom), IsOk());
  EXPECT_THAT(bob.Events(), ElementsAre("-alice@5"));
  world_->Advance(absl::Seconds(1));
  EXPECT_THAT(bob.Events(), ElementsAre("patch@6"));
  EXPECT_EQ(ParseJson(world_->State(kRoom))->at("open"), false);
}

TEST_F(ScriptBehaviourTest, ItIsStoredAndComesBack) {
  Client& alice = Joined("alice", R"({"visits":{"alice":1}})");
  ASSERT_THAT(alice.Call(kRoom, "add", R"({"list":[1,{"a":null}]})"), IsOk());
  const std::string before = world_->State(kRoom);
  Crash();
  Start();
  // By the records alone; alice's leave waits.
  EXPECT_EQ(world_->State(kRoom), before);
  world_->Advance(absl::Seconds(1));
  EXPECT_EQ(ParseJson(world_->State(kRoom))->at("open"), false);
  // By the snapshot of a room that was put aside.
  world_->Advance(absl::Minutes(1));
  EXPECT_EQ(world_->manager().room_count(), 1);
  RoomSnapshot stored;
  ASSERT_TRUE(stored.ParseFromString(log_.stored(kRoom)->snapshot));
  EXPECT_EQ(stored.meta(), R"({"added":true})");
  const std::string aside = world_->State(kRoom);
  EXPECT_EQ(aside, stored.state());
  EXPECT_EQ(ParseJson(aside)->at("list"), ParseJson(before)->at("list"));
}

TEST_F(ScriptBehaviourTest, WhatIsStoredMustBeItsState) {
  Joined("alice");
  Crash();
  StoredRoom stored = *log_.stored(kRoom);
  RoomSnapshot damaged;
  damaged.set_state("[1]");
  stored.snapshot = damaged.SerializeAsString();
  log_.Store(kRoom, stored, log_.head(kRoom));
  Start();
  const AnswerPtr joining = world_->Connect("bob").Join(kRoom);
  EXPECT_THAT(joining, StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(ScriptBehaviourTest, ItsTypeIsListedWithoutMessages) {
  v1::RoomType type;
  world_->Ask<v1::ListRoomTypesRequest, v1::ListRoomTypesResponse>(
      &RoomApi::ListRoomTypes, {}, [&](const auto& response, v1::Reply&) { type = response.message->room_types(0); });
  world_->Run();
  EXPECT_EQ(type.name(), "script");
  ASSERT_EQ(type.methods_size(), 3);
  EXPECT_EQ(type.methods(0).name(), "add");
  EXPECT_EQ(type.methods(0).request_type(), "");
  EXPECT_EQ(type.events(0).data_type(), "");
}

}  // namespace
}  // namespace atrium::testing
