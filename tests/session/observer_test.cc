// Observers without sockets: their queue, and their end at every moment.
#include "server/session/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/session/session_world.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SessionWorld;

constexpr size_t kQueueBytes = 10'000;

// Reads when it is told to.
class Reader final : public Observer::Transport {
 public:
  Reader(SessionHub& hub, const std::string& room, const std::optional<v1::Position>& since = std::nullopt,
         ReaderKind kind = ReaderKind::kGrpc) {
    v1::WatchRequest request;
    request.set_room_id(room);
    if (since) *request.mutable_since() = *since;
    observer_ = hub.Watch(Caller::Service(), request, kind, *this);
  }
  ~Reader() override { observer_->Close(); }

  Observer& observer() { return *observer_; }
  int wakes() const { return wakes_; }

  // Takes so much, as "snapshot@3", "e@4" or "wave" without a position.
  std::vector<std::string> Take(size_t most = 1'000'000) {
    std::vector<std::string> words;
    for (const Observer::Item& item : observer_->Take(most)) {
      const v1::ServerFrame frame = DecodeServerFrame(*item.frame);
      words.push_back(frame.has_event() ? frame.event().event() : frame.has_snapshot() ? "snapshot" : "left");
      if (item.offset) absl::StrAppend(&words.back(), "@", *item.offset);
    }
    return words;
  }

 private:
  void OnReady() override { ++wakes_; }

  std::shared_ptr<Observer> observer_;
  int wakes_ = 0;
};

class ObserverTest : public ::testing::Test {
 protected:
  void Emit(const std::string& event, size_t bytes = 0, bool is_volatile = false) {
    WithPayload<v1::EmitRequest> request{.payload = Payload::FromJson(json::string(std::string(bytes, 'x')))};
    request.message->set_room_id("r");
    request.message->set_event(event);
    request.message->set_volatile_(is_volatile);
    world_.api().Emit(Caller::Service(), std::move(request),
                      [](const auto& response) { EXPECT_THAT(response, IsOk()); });
    world_.Run();
  }
  void Destroy() {
    world_.manager().Destroy("r", [](const absl::Status& status) { EXPECT_THAT(status, IsOk()); });
  }
  int64_t Observers() {
    int64_t sum = 0;
    for (int shard : {0, 1}) {
      for (const Counter& counter : world_.hub(shard).counters().observers) sum += counter.value();
    }
    return sum;
  }
  int64_t Slow(SlowAction action) { return world_.hub(1).counters().slow[static_cast<int>(action)].value(); }

  SessionWorld world_{RoomRegistry(), {.send_queue_bytes = kQueueBytes}};
};

TEST_F(ObserverTest, IsWokenOnceATurnAndTakesInPieces) {
  Reader reader(world_.hub(1), "r");
  EXPECT_EQ(Observers(), 1);
  world_.Run();
  EXPECT_EQ(reader.wakes(), 1);
  EXPECT_THAT(reader.Take(), ElementsAre("snapshot@0"));
  EXPECT_FALSE(reader.observer().epoch().empty());
  for (int i = 0; i < 5; ++i) Emit("e", 1000);
  EXPECT_EQ(reader.wakes(), 6);
  EXPECT_THAT(reader.Take(10), ElementsAre("e@1")) << "one, however large";
  EXPECT_THAT(reader.Take(2500), ElementsAre("e@2", "e@3"));
  EXPECT_GT(reader.observer().bytes(), 4000u) << "what was taken counts until it is written";
  EXPECT_THAT(reader.Take(), ElementsAre("e@4", "e@5"));
  EXPECT_THAT(reader.Take(), IsEmpty());
  EXPECT_EQ(reader.observer().bytes(), 0u);
}

TEST_F(ObserverTest, LosesVolatileFramesFirst) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  reader.Take();
  reader.Take();
  Emit("wave", 4000, /*is_volatile=*/true);
  Emit("e", 4000);
  Emit("e", 4000);
  Emit("wave", 4000, /*is_volatile=*/true);
  EXPECT_FALSE(reader.observer().verdict().has_value());
  EXPECT_EQ(Slow(SlowAction::kVolatile), 2);
  EXPECT_THAT(reader.Take(), ElementsAre("e@1", "e@2"));
}

TEST_F(ObserverTest, EndsWhenItsQueueIsFullAndItTakesNothing) {
  Reader slow(world_.hub(1), "r");
  Reader other(world_.hub(1), "r");
  world_.Run();
  slow.Take();
  slow.Take();
  other.Take();
  for (int i = 1; i <= 6; ++i) {
    Emit("e", 3000);
    EXPECT_THAT(other.Take(), ElementsAre(absl::StrCat("e@", i)));
    EXPECT_LT(slow.observer().bytes(), kQueueBytes + 3200);
  }
  world_.Advance(absl::Seconds(2));
  EXPECT_FALSE(slow.observer().verdict().has_value()) << "it may still take something";
  world_.Advance(absl::Seconds(2));
  ASSERT_TRUE(slow.observer().verdict().has_value());
  EXPECT_THAT(*slow.observer().verdict(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(slow.Take(), IsEmpty()) << "a part of it would be of no use";
  EXPECT_EQ(slow.observer().bytes(), 0u);
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 1);
  EXPECT_FALSE(other.observer().verdict().has_value());
}

TEST_F(ObserverTest, AFrameLargerThanTheQueuePassesIntoAnEmptyOne) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  reader.Take();
  reader.Take();
  Emit("huge", 3 * kQueueBytes);
  EXPECT_THAT(reader.Take(), ElementsAre("huge@1"));
  EXPECT_FALSE(reader.observer().verdict().has_value());
}

TEST_F(ObserverTest, OneLargerFrameMayStandBesideAFullQueue) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  reader.Take();
  reader.Take();
  for (int i = 0; i < 3; ++i) Emit("e", 3000);
  Emit("huge", 3 * kQueueBytes);
  world_.Advance(absl::Minutes(1));
  EXPECT_THAT(reader.Take(), ElementsAre("e@1", "e@2", "e@3", "huge@4"));
  EXPECT_FALSE(reader.observer().verdict().has_value());
}

TEST_F(ObserverTest, OneThatTakesEnoughCatchesUpWithAllOfIt) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  reader.Take();
  std::vector<std::string> all, seen;
  for (int second = 0; second < 20; ++second) {
    for (int i = 0; i < 40; ++i) {
      Emit("e", 2000);
      all.push_back(absl::StrCat("e@", all.size() + 1));
    }
    for (size_t taken = 0; taken < 90'000; taken += 10'000) {
      for (std::string& frame : reader.Take(10'000)) seen.push_back(std::move(frame));
      world_.Run();
    }
    world_.Advance(absl::Seconds(1));
  }
  for (int i = 0; i < 200; ++i) {
    for (std::string& frame : reader.Take()) seen.push_back(std::move(frame));
    world_.Run();
  }
  EXPECT_EQ(seen, all);
  EXPECT_FALSE(reader.observer().verdict().has_value());
}

TEST_F(ObserverTest, WhatItBeginsWithIsNotHeldAgainstIt) {
  Reader first(world_.hub(0), "r");
  world_.Run();
  v1::Position start;
  start.set_epoch(first.observer().epoch());
  for (int i = 0; i < 10; ++i) Emit("e", 3000);
  Reader reader(world_.hub(1), "r", start);
  world_.Run();
  EXPECT_GT(reader.observer().bytes(), 3 * kQueueBytes);
  Emit("e", 3000);
  Emit("e", 3000);
  EXPECT_FALSE(reader.observer().verdict().has_value());
  EXPECT_EQ(reader.Take().size(), 13u);
  reader.Take();
  // Now it must keep up as any other.
  for (int i = 0; i < 5; ++i) Emit("e", 3000);
  world_.Advance(absl::Seconds(4));
  ASSERT_TRUE(reader.observer().verdict().has_value());
  EXPECT_THAT(*reader.observer().verdict(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(ObserverTest, IsToldForFiveMinutesThatItsRoomWasDestroyed) {
  v1::Position position;
  {
    Reader reader(world_.hub(1), "r");
    world_.Run();
    position.set_epoch(reader.observer().epoch());
  }
  Destroy();
  // Nothing has run: the room is still on its way out.
  Reader early(world_.hub(0), "r", position);
  world_.Advance(DestroyedRooms::kKept - absl::Milliseconds(1));
  ASSERT_TRUE(early.observer().verdict().has_value());
  EXPECT_THAT(*early.observer().verdict(), StatusIs(absl::StatusCode::kNotFound));
  Reader late(world_.hub(0), "r", position);
  world_.Run();
  ASSERT_TRUE(late.observer().verdict().has_value());
  EXPECT_THAT(*late.observer().verdict(), StatusIs(absl::StatusCode::kNotFound));
  world_.Advance(absl::Milliseconds(1));
  Reader later(world_.hub(0), "r", position);
  world_.Run();
  EXPECT_THAT(later.Take(), ElementsAre("snapshot@0"));
  EXPECT_NE(later.observer().epoch(), position.epoch());
}

TEST_F(ObserverTest, GetsTheRoomAnewIfItExpired) {
  v1::Position position;
  {
    Reader reader(world_.hub(1), "r");
    world_.Run();
    position.set_epoch(reader.observer().epoch());
  }
  world_.Advance(absl::Minutes(6));
  Reader reader(world_.hub(1), "r", position);
  world_.Run();
  EXPECT_THAT(reader.Take(), ElementsAre("snapshot@0"));
  EXPECT_NE(reader.observer().epoch(), position.epoch());
}

TEST_F(ObserverTest, IsToldOfTheEndOfTheRoomBehindAllElse) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  Emit("e");
  Destroy();
  world_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(reader.Take(), ElementsAre("snapshot@0", "e@1", "left"));
  ASSERT_TRUE(reader.observer().verdict().has_value());
  EXPECT_THAT(*reader.observer().verdict(), IsOk());
}

TEST_F(ObserverTest, MayCloseAtAnyMoment) {
  // Before the room has answered, before the answer has come, afterwards, and when the room goes at the same time.
  for (int steps = 0; steps < 12; ++steps) {
    for (const bool destroy : {false, true}) {
      auto reader = std::make_unique<Reader>(world_.hub(1), "r", std::nullopt, ReaderKind::kJsonLines);
      if (destroy) Destroy();
      std::mt19937 random(steps);
      for (int i = 0; i < steps; ++i) world_.shards().Step(random);
      reader = nullptr;
      world_.Advance(absl::Milliseconds(1));
      Emit("nobody");
      EXPECT_EQ(Observers(), 0);
      world_.manager().Find("r", [&](absl::StatusOr<Room*> found) {
        Room* const room = *found;
        EXPECT_EQ(room == nullptr, destroy);
        if (room == nullptr) return;
        const std::vector<FramePtr> frames = room->GetHistory(std::nullopt, 1000).value();
        EXPECT_FALSE(frames.back()->has(Encoding::kWebSocketJson)) << "the room has forgotten the reader; " << steps;
      });
      world_.Run();
    }
  }
}

TEST_F(ObserverTest, EndsWithTheServerAndBeginsNoMore) {
  Reader reader(world_.hub(1), "r");
  world_.Run();
  world_.hub(1).SayGoodbye(0);
  EXPECT_FALSE(reader.observer().verdict().has_value());
  world_.hub(1).SayGoodbye(1);
  world_.Run();
  EXPECT_THAT(*reader.observer().verdict(), StatusIs(absl::StatusCode::kUnavailable));
  Reader late(world_.hub(1), "other");
  world_.Run();
  EXPECT_THAT(*late.observer().verdict(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(world_.manager().room_count(), 1);
}

}  // namespace
}  // namespace atrium
