#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kRoom[] = "scripted:a";

// A server whose rooms are kept in a log that does what it is told, and can be started again.
class DurableTest : public ::testing::Test {
 protected:
  DurableTest() {
    script_.options.durable = true;
    script_.plans["join"].steps = {Do::kChange, Do::kEmit};
    log_.auto_complete = true;
    Start();
  }

  void Start() { world_ = std::make_unique<ScriptedWorld>(script_, Storing(log_)); }
  // As by kill -9: what the log was not asked for is lost, nothing ends in good order.
  void Crash() {
    log_.Crash();
    world_ = nullptr;
    log_.Crash();
    script_.log.clear();
    Start();
  }
  // The log does what waits, and the world what follows.
  void Store() {
    log_.CompleteAll();
    world_->Run();
  }
  v1::Position PositionOf(const std::string& room) {
    v1::Position position;
    world_->With(room, [&](Room* found) { position = found->position(); });
    return position;
  }
  AnswerPtr Change(const std::string& key, const std::string& fail = "") {
    v1::CallRequest request;
    request.set_room_id(kRoom);
    request.set_method("change");
    request.set_idempotency_key(key);
    (*request.mutable_args()->mutable_struct_value()->mutable_fields())["fail"].set_string_value(fail);
    AnswerPtr answer = world_->Ask<v1::CallRequest, v1::CallResponse>(
        &RoomApi::Call, request,
        [](const auto& response, v1::Reply& reply) { PutPayload(response.payload, *reply.mutable_call()); });
    world_->Run();
    return answer;
  }

  MemoryLog log_;
  Script script_;
  std::unique_ptr<ScriptedWorld> world_;
};

TEST_F(DurableTest, ARoomIsAfterACrashWhatItWas) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  world_->With(kRoom, [](Room* room) { room->Update({.locked = true, .metadata = json::object{{"topic", "cats"}}}); });
  const std::string state = world_->State(kRoom);
  const v1::Position position = PositionOf(kRoom);
  script_.plans["leave"].steps = {};
  Crash();
  EXPECT_THAT(script_.log, IsEmpty()) << "it is loaded when it is asked for";
  const std::string after = world_->State(kRoom);
  EXPECT_THAT(script_.log, ElementsAre("load", "leave alice of 1, ticket 0, for LEAVE_REASON_CLEANUP"));
  EXPECT_THAT(state, HasSubstr(R"("members":["alice"])"));
  EXPECT_THAT(after, HasSubstr(R"("left":2,"right":2,"members":[])"));
  EXPECT_EQ(PositionOf(kRoom).epoch(), position.epoch());
  EXPECT_EQ(PositionOf(kRoom).offset(), position.offset() + 2) << "a patch, and that alice is gone";
  EXPECT_EQ(world_->Metadata(kRoom), R"({"topic":"cats"})");
  EXPECT_EQ(world_->Connect("bob").Join(kRoom)->status, RoomLocked());
}

TEST_F(DurableTest, WhoWasThereGoesOnWhereItWas) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  const v1::Position since = PositionOf(kRoom);
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  ASSERT_THAT(world_->Emit(kRoom, "said"), IsOk());
  ASSERT_THAT(world_->Emit(kRoom, "whisper", {.to = {alice.id()}}), IsOk());
  Crash();
  Client& again = world_->Connect("alice");
  const AnswerPtr joined = world_->Join(kRoom, again, {.since = since});
  ASSERT_THAT(joined, IsOk());
  EXPECT_TRUE(joined->reply.join().recovered());
  EXPECT_THAT(again.Events(), ElementsAre("snapshot@3", "patch@4", "said@5", "said@6", "patch@8", "-alice@9",
                                          "patch@10", "said@11", "+alice@12"))
      << "whispers were for who is gone";
}

TEST_F(DurableTest, AMemberOfBeforeACrashHasItsJoinTime) {
  // So many changes later it is in a snapshot.
  for (const int changes : {0, 2000}) {
    Client& alice = world_->Connect("alice");
    ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
    world_->Advance(absl::Milliseconds(1234));
    ASSERT_THAT(alice.Join(kRoom), IsOk());
    const absl::Time joined = world_->shards().now();
    for (int i = 0; i < changes; ++i) ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
    EXPECT_EQ(log_.stored(kRoom)->snapshot_sequence > 0, changes > 0);
    const v1::Position since = PositionOf(kRoom);
    Crash();
    world_->With(kRoom, [&](Room* room) {
      const auto frames = room->GetHistory(since, 100);
      ASSERT_THAT(frames, IsOk());
      const v1::ServerFrame gone = DecodeServerFrame(*frames->back());
      ASSERT_EQ(gone.member().left_size(), 1) << gone.DebugString();
      EXPECT_EQ(FromTimestamp(gone.member().left(0).member().join_time()), joined);
    });
  }
}

TEST_F(DurableTest, NothingIsShownBeforeItIsOnDisk) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  alice.Events();
  log_.auto_complete = false;
  const AnswerPtr changed = world_->Call(kRoom, "change");
  const AnswerPtr emitted = world_->Emit(kRoom, "said");
  v1::GetStateRequest request;
  request.set_room_id(kRoom);
  const AnswerPtr read = world_->Ask<v1::GetStateRequest, v1::GetStateResponse>(&RoomApi::GetState, request);
  Client& bob = world_->Connect("bob");
  const AnswerPtr joined = world_->Join(kRoom, bob);
  EXPECT_THAT(alice.Events(), IsEmpty());
  EXPECT_THAT(bob.Events(), IsEmpty());
  const AnswerPtr listed = world_->Ask<v1::ListRoomsRequest, v1::ListRoomsResponse>(&RoomApi::ListRooms, {});
  world_->Run();
  const std::vector<AnswerPtr> answers = {changed, emitted, read, joined, listed};
  for (const AnswerPtr& answer : answers) EXPECT_FALSE(answer->there());
  Store();
  for (const AnswerPtr& answer : answers) EXPECT_THAT(answer, IsOk());
  EXPECT_THAT(alice.Events(), ElementsAre("patch@4", "said@5", "said@6", "patch@7", "said@8", "+bob@9"));
  EXPECT_THAT(bob.Events(), ElementsAre("snapshot@9"));
}

TEST_F(DurableTest, WhatIsNotOnDiskHasNeverBeen) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  const v1::Position position = PositionOf(kRoom);
  log_.auto_complete = false;
  const AnswerPtr changed = world_->Call(kRoom, "change");
  EXPECT_FALSE(changed->there());
  Crash();
  log_.auto_complete = true;
  log_.CompleteAll();
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":1,"right":1)"));
  EXPECT_EQ(PositionOf(kRoom).epoch(), position.epoch());
}

TEST_F(DurableTest, ARoomThatCannotBeStoredIsLoadedAgain) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  const v1::Position position = PositionOf(kRoom);
  alice.Events();
  log_.FailNext(absl::ResourceExhaustedError("/var/lib/atrium: No space left on device"));
  const AnswerPtr changed = world_->Call(kRoom, "change");
  EXPECT_EQ(changed->status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(changed->status.message(), "The room cannot be stored: the server's disk is full or too slow");
  EXPECT_THAT(alice.Events(), ElementsAre("left")) << "and not the change";
  world_->Advance(absl::Seconds(1));
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":1,"right":1)"));
  EXPECT_EQ(PositionOf(kRoom).epoch(), position.epoch());
  EXPECT_THAT(world_->Call(kRoom, "change"), IsOk());
  EXPECT_THAT(alice.Join(kRoom), IsOk());
}

TEST_F(DurableTest, ARoomIsPutAsideWhenItIsEmptyAndComesBack) {
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  const v1::Position position = PositionOf(kRoom);
  world_->Advance(absl::Minutes(2));
  EXPECT_THAT(script_.log, ElementsAre("create")) << "OnDestroy is for when its data goes";
  EXPECT_EQ(world_->manager().counters(0, 0).rooms.value() + world_->manager().counters(1, 0).rooms.value(), 0);
  EXPECT_EQ(world_->manager().room_count(), 1);
  std::vector<v1::Room> listed;
  world_->manager().List("", 10, {}, [&](ListPage<v1::Room> page) { listed = std::move(page.elements); });
  world_->Run();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].id(), kRoom);
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":1,"right":1)"));
  EXPECT_THAT(script_.log, ElementsAre("create", "load"));
  EXPECT_EQ(PositionOf(kRoom).offset(), position.offset());
}

TEST_F(DurableTest, ARoomInWhichNothingHappensGoesAfterItsTime) {
  RoomWorld::Settings settings = Storing(log_);
  settings.rooms.durable_ttl = absl::Hours(1);
  world_ = std::make_unique<ScriptedWorld>(script_, settings);
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  ASSERT_THAT(world_->Call("scripted:b", "change"), IsOk());
  world_->Advance(absl::Minutes(50));
  ASSERT_THAT(world_->Call("scripted:b", "change"), IsOk());
  script_.log.clear();
  world_->Advance(absl::Minutes(15));
  EXPECT_THAT(script_.log, ElementsAre("load", "destroy"));
  EXPECT_EQ(log_.stored(kRoom), nullptr);
  EXPECT_NE(log_.stored("scripted:b"), nullptr);
  script_.plans["destroy"].verdict = absl::UnavailableError("not yet");
  world_->Advance(absl::Hours(2));
  EXPECT_NE(log_.stored("scripted:b"), nullptr) << "it wants to stay";
}

TEST_F(DurableTest, ARoomThatIsDestroyedIsGoneForGood) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  const std::string epoch = PositionOf(kRoom).epoch();
  const AnswerPtr destroyed = world_->Destroy(kRoom);
  EXPECT_FALSE(destroyed->there()) << "not before its data are gone";
  world_->Advance(absl::Milliseconds(1));
  EXPECT_THAT(destroyed, IsOk());
  EXPECT_EQ(log_.stored(kRoom), nullptr);
  EXPECT_EQ(world_->State(kRoom), "absent");
  ASSERT_THAT(alice.Join(kRoom), IsOk());
  EXPECT_NE(PositionOf(kRoom).epoch(), epoch);
  Crash();
  const AnswerPtr asleep = world_->Destroy(kRoom);
  world_->Advance(absl::Milliseconds(1));
  EXPECT_THAT(asleep, IsOk());
  EXPECT_EQ(log_.stored(kRoom), nullptr);
}

TEST_F(DurableTest, ARoomThatCouldNotBeDestroyedIsThereForItsReaders) {
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  const std::string epoch = PositionOf(kRoom).epoch();
  const auto watch = [&] {
    auto found = std::make_shared<absl::Status>(absl::UnknownError("pending"));
    world_->manager().FindToWatch(kRoom, epoch, [found](absl::StatusOr<Room*> room) { *found = room.status(); });
    world_->Run();
    return found;
  };
  log_.auto_complete = false;
  const AnswerPtr failed = world_->Destroy(kRoom);
  world_->Advance(absl::Milliseconds(1));
  const auto meanwhile = watch();
  EXPECT_EQ(meanwhile->message(), "pending") << "whether it goes is not known yet";
  log_.FailNext(absl::UnavailableError("a disk"));
  for (int i = 0; i < 3; ++i) Store();
  EXPECT_THAT(failed, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(*meanwhile, IsOk());
  EXPECT_EQ(PositionOf(kRoom).epoch(), epoch);

  const AnswerPtr destroyed = world_->Destroy(kRoom);
  world_->Advance(absl::Milliseconds(1));
  const auto waiting = watch();
  for (int i = 0; i < 3; ++i) Store();
  EXPECT_THAT(destroyed, IsOk());
  EXPECT_EQ(*waiting, RoomDestroyed(kRoom));
}

TEST_F(DurableTest, WhatTheLogHasOfARoomDoesNotGrowWithItsAge) {
  RoomWorld::Settings settings = Storing(log_);
  settings.rooms.history.frames = 20;
  world_ = std::make_unique<ScriptedWorld>(script_, settings);
  for (int i = 0; i < 2000; ++i) ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  const v1::Position position = PositionOf(kRoom);
  EXPECT_LT(log_.stored(kRoom)->records.size(), 1000u);
  world_ = nullptr;
  log_.Crash();
  world_ = std::make_unique<ScriptedWorld>(script_, settings);
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":2000,"right":2000)"));
  EXPECT_EQ(PositionOf(kRoom).offset(), position.offset());
  world_->With(kRoom, [&](Room* room) {
    v1::Position since = position;
    since.set_offset(position.offset() - 20);
    EXPECT_EQ(room->GetHistory(since, 100)->size(), 20u);
    since.set_offset(position.offset() - 21);
    EXPECT_EQ(room->GetHistory(since, 100).status(), HistoryLost());
  });
}

TEST_F(DurableTest, ARequestWithAKeyIsDoneOnce) {
  const AnswerPtr first = Change("k1");
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(Change("k1")->Result(), first->Result());
  EXPECT_EQ(Change("k1", "error")->status.code(), absl::StatusCode::kInvalidArgument) << "another body";
  EXPECT_NE(Change("k2")->Result(), first->Result());
  Crash();
  EXPECT_EQ(Change("k1")->Result(), first->Result()) << "from the records";
  world_->Advance(absl::Minutes(2));
  EXPECT_EQ(Change("k1")->Result(), first->Result()) << "from the snapshot";
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":2,)"));
  world_->Advance(absl::Minutes(4));
  EXPECT_NE(Change("k1")->Result(), first->Result()) << "keys are kept for 5 minutes";
}

TEST_F(DurableTest, ARequestWithAKeyIsDoneOnceThoughNobodyWasTold) {
  ASSERT_THAT(Change("before"), IsOk());
  log_.auto_complete = false;
  const AnswerPtr lost = Change("k1");
  // It is on disk, and then the process is killed before it can say so.
  ASSERT_TRUE(log_.Complete());
  Crash();
  EXPECT_FALSE(lost->there());
  log_.auto_complete = true;
  log_.CompleteAll();
  const AnswerPtr again = Change("k1");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(world_->State(kRoom), HasSubstr(R"("left":2,)")) << "its answer is in the record of what it did";
}

TEST_F(DurableTest, AKeyIsOfOneVerbThoughTheServerWasKilled) {
  v1::EmitRequest emit;
  emit.set_room_id(kRoom);
  emit.set_event("said");
  emit.set_idempotency_key("k1");
  const auto emitted = [&] {
    AnswerPtr answer = world_->Ask<v1::EmitRequest, v1::EmitResponse>(&RoomApi::Emit, emit);
    world_->Run();
    return answer;
  };
  const AnswerPtr first = Change("k1");
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(emitted(), StatusIs(absl::StatusCode::kInvalidArgument));
  Crash();
  EXPECT_THAT(emitted(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Change("k1")->Result(), first->Result());
  emit.set_idempotency_key("k2");
  EXPECT_THAT(emitted(), IsOk());
}

TEST_F(DurableTest, ARequestIsTheSameInWhateverOrderItsKeysCome) {
  const auto fingerprint = [](const char* json) { return Idempotency::Fingerprint("", *ParseJson(json)); };
  EXPECT_EQ(fingerprint(R"({"a":1,"b":[{"c":2,"d":3}]})"), fingerprint(R"({"b":[{"d":3,"c":2}],"a":1})"));
  EXPECT_NE(fingerprint(R"({"a":1,"b":2})"), fingerprint(R"({"a":2,"b":1})"));
  EXPECT_NE(fingerprint("[1,2]"), fingerprint("[2,1]"));
}

TEST_F(DurableTest, AnErrorIsNoAnswerToKeep) {
  EXPECT_FALSE(Change("k1", "error")->status.ok());
  EXPECT_FALSE(Change("k1", "throw")->status.ok()) << "another body, but nothing was kept";
  EXPECT_THAT(Change("k1"), IsOk());
}

TEST_F(DurableTest, ARoomThatIsDamagedSaysSoAndDisturbsNobody) {
  ASSERT_THAT(world_->Call(kRoom, "change"), IsOk());
  StoredRoom stored = *log_.stored(kRoom);
  stored.records.back() = "\xff\xff";
  log_.Store(kRoom, stored, log_.head(kRoom));
  Crash();
  const AnswerPtr called = world_->Call(kRoom, "change");
  EXPECT_EQ(called->status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(called->status.message(), "What is stored of the room is damaged");
  EXPECT_EQ(world_->Connect("alice").Join(kRoom)->status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(world_->Call("scripted:b", "change"), IsOk());
}

TEST_F(DurableTest, OtherRoomsAreNoBusinessOfTheLogs) {
  Client& alice = world_->Connect("alice");
  ASSERT_THAT(alice.Join("plain"), IsOk());
  ASSERT_THAT(alice.Emit("plain", "hi"), IsOk());
  EXPECT_EQ(log_.stored("plain"), nullptr);
  EXPECT_EQ(log_.statistics().records, 0);
}

}  // namespace
}  // namespace atrium::testing
