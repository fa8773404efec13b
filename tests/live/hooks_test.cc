#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <stdexcept>

#include "rooms/chat.pb.h"
#include "server/live/live_room.h"
#include "server/live/room_errors.h"
#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RoomHarness;

// Lets a test decide when a hook goes on.
class Gate {
 public:
  Awaitable<void> Wait() {
    auto timer = std::make_shared<boost::asio::steady_timer>(co_await boost::asio::this_coro::executor,
                                                             boost::asio::steady_timer::time_point::max());
    waiting_.push_back(timer);
    boost::system::error_code error;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
  }
  void Open() {
    for (const auto& timer : std::exchange(waiting_, {})) timer->cancel();
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

// What the room below is to do, and what it did.
struct Script {
  Gate create, join, destroy;
  bool wait_in_create = false, wait_in_join = false, wait_in_destroy = false;
  absl::Status create_verdict, event_verdict;
  bool throw_in_leave = false;
  bool keep = false;
  std::vector<std::string> log;
};

class ScriptedRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "scripted";
  // The registry makes rooms without arguments; a test sets this before.
  static inline Script* script = nullptr;

  static void Describe(RoomType<ScriptedRoom>& type) {
    type.options().hook_deadline = absl::Seconds(5);
    type.options().empty_ttl = absl::Minutes(1);
    type.FromMembers<ChatMessage>("typing").Event<ChatMessage>("tick");
  }

  Awaitable<absl::Status> OnCreate() override {
    Log("create");
    if (script->wait_in_create) co_await script->create.Wait();
    co_return script->create_verdict;
  }
  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    Log("join " + join.member.id);
    join.membership = std::string("bag of " + join.member.id);
    SetCount(1);
    if (script->wait_in_join) co_await script->join.Wait();
    SetCount(2);
    co_return absl::OkStatus();
  }
  void OnLeave(LeaveContext& leave) override {
    const auto* bag = std::any_cast<std::string>(&leave.membership);
    Log("leave " + leave.member.id + " with " + (bag == nullptr ? "nothing" : *bag) + " for " +
        v1::LeaveReason_Name(leave.reason));
    if (script->throw_in_leave) throw std::runtime_error("planted");
  }
  absl::Status OnEvent(const EventContext& event) override {
    Log(std::string(event.event) + " by " + (event.sender ? event.sender->id : "a service"));
    return script->event_verdict;
  }
  Awaitable<bool> OnDestroy() override {
    Log("destroy");
    if (script->wait_in_destroy) co_await script->destroy.Wait();
    co_return !script->keep;
  }

  void StartTicking() {
    Every(absl::Seconds(10), [this] {
      SetCount(state().online_count() + 1);
      Emit("tick", ChatMessage());
    });
  }

 private:
  void Log(std::string what) { script->log.push_back(std::move(what)); }
  void SetCount(int count) {
    Mutate([&](ChatState& state) { state.set_online_count(count); });
  }
};

class HooksTest : public ::testing::Test {
 protected:
  HooksTest() { ScriptedRoom::script = &script_; }
  ~HooksTest() override { ScriptedRoom::script = nullptr; }

  static RoomRegistry Registry() {
    RoomRegistry registry;
    EXPECT_TRUE(registry.Add<ScriptedRoom>().ok());
    return registry;
  }
  // Begins a join and runs until nothing moves; the outcome is that of the name.
  absl::StatusOr<Admission>& BeginJoin(const std::string& name) {
    outcomes_.push_back(std::make_unique<absl::StatusOr<Admission>>(absl::UnknownError("pending")));
    rooms_.BeginJoin("scripted:a", rooms_.Session(name), *outcomes_.back());
    rooms_.shards().Run();
    return *outcomes_.back();
  }

  Script script_;
  std::vector<std::unique_ptr<absl::StatusOr<Admission>>> outcomes_;
  RoomHarness rooms_{Registry()};
};

TEST_F(HooksTest, RunInTheirOrder) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  EXPECT_EQ(rooms_.Emit("scripted:a", "news"), 1);
  ASSERT_TRUE(rooms_.Leave("scripted:a", alice, v1::LEAVE_REASON_LEAVE).ok());
  rooms_.shards().Advance(absl::Minutes(1));
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice", "news by a service",
                                       "leave alice with bag of alice for LEAVE_REASON_LEAVE", "destroy"));
  EXPECT_EQ(rooms_.State("scripted:a"), "absent");
}

TEST_F(HooksTest, JoinsWaitForOnCreate) {
  script_.wait_in_create = true;
  absl::StatusOr<Admission>& first = BeginJoin("first");
  absl::StatusOr<Admission>& second = BeginJoin("second");
  EXPECT_THAT(script_.log, ElementsAre("create"));
  script_.create.Open();
  rooms_.shards().Run();
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
  EXPECT_THAT(script_.log, ElementsAre("create", "join first", "join second"));
}

TEST_F(HooksTest, AllWhoWaitAreRefusedWhenOnCreateFails) {
  script_.wait_in_create = true;
  script_.create_verdict = absl::InternalError("planted");
  absl::StatusOr<Admission>& first = BeginJoin("first");
  absl::StatusOr<Admission>& second = BeginJoin("second");
  script_.create.Open();
  rooms_.shards().Run();
  EXPECT_EQ(first.status(), RoomInitializationFailed());
  EXPECT_EQ(second.status(), RoomInitializationFailed());
  EXPECT_EQ(rooms_.State("scripted:a"), "absent");
  script_.create_verdict = absl::OkStatus();
  script_.wait_in_create = false;
  EXPECT_TRUE(BeginJoin("third").ok());
}

TEST_F(HooksTest, AStepEndsWhereTheHookWaits) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  alice.Take();
  script_.wait_in_join = true;
  absl::StatusOr<Admission>& bob = BeginJoin("bob");
  // What the first step set is there while the second waits; nothing else of the room stands still.
  EXPECT_THAT(rooms_.State("scripted:a"), HasSubstr(R"("onlineCount":1)"));
  EXPECT_EQ(rooms_.Emit("scripted:a", "news"), 1);
  script_.join.Open();
  rooms_.shards().Run();
  EXPECT_TRUE(bob.ok());
  EXPECT_THAT(alice.Take(), ElementsAre("patch@3", "news@4", "patch@5", "+bob@6"));
}

TEST_F(HooksTest, AHookPastItsDeadlineHasFailedAndChangesNothingMore) {
  ASSERT_TRUE(BeginJoin("alice").ok());
  script_.wait_in_join = true;
  absl::StatusOr<Admission>& bob = BeginJoin("bob");
  rooms_.shards().Advance(absl::Seconds(5));
  EXPECT_EQ(bob.status().code(), absl::StatusCode::kDeadlineExceeded);
  const std::string state = rooms_.State("scripted:a");
  script_.join.Open();
  rooms_.shards().Run();
  EXPECT_EQ(rooms_.State("scripted:a"), state);
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice", "join bob"));
}

TEST_F(HooksTest, AMemberIsRemovedThoughOnLeaveThrows) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  script_.throw_in_leave = true;
  EXPECT_TRUE(rooms_.Leave("scripted:a", alice, v1::LEAVE_REASON_DISCONNECT).ok());
  EXPECT_EQ(rooms_.Leave("scripted:a", alice, v1::LEAVE_REASON_DISCONNECT).code(), absl::StatusCode::kNotFound);
}

TEST_F(HooksTest, OnEventMayRefuse) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  alice.Take();
  script_.event_verdict = absl::PermissionDeniedError("not now");
  rooms_.With("scripted:a", [](Room* room) {
    EXPECT_EQ(room->Emit({.event = "news"}).status(), absl::PermissionDeniedError("not now"));
  });
  EXPECT_THAT(alice.Take(), IsEmpty());
}

TEST_F(HooksTest, MembersEmitOnlyWhatTheTypeLetsIn) {
  FakeSession& alice = rooms_.Session("alice");
  FakeSession& bob = rooms_.Session("bob");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  ASSERT_TRUE(rooms_.Join("scripted:a", bob).ok());
  rooms_.With("scripted:a", [&](Room* room) {
    EXPECT_EQ(room->Emit({.event = "tick", .sender = &alice.self}).status(), EventFromClientRefused("tick"));
    EXPECT_EQ(room->Emit({.event = "news", .sender = &alice.self}).status(), EventFromClientRefused("news"));
    EXPECT_EQ(
        ErrorField(
            room->Emit({.event = "typing", .data = Payload::FromText(R"({"txt":1})"), .sender = &alice.self}).status()),
        "data.txt");
    EXPECT_EQ(*room->Emit({.event = "typing", .data = Payload::FromText(R"({"text":"..."})"), .sender = &alice.self}),
              1);
  });
  EXPECT_THAT(script_.log.back(), "typing by alice");
}

TEST_F(HooksTest, ARoomThatWantsToStayStaysForAnotherTime) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  ASSERT_TRUE(rooms_.Leave("scripted:a", alice, v1::LEAVE_REASON_LEAVE).ok());
  script_.keep = true;
  rooms_.shards().Advance(absl::Minutes(1));
  EXPECT_NE(rooms_.State("scripted:a"), "absent");
  script_.keep = false;
  rooms_.shards().Advance(absl::Minutes(1));
  EXPECT_EQ(rooms_.State("scripted:a"), "absent");
}

TEST_F(HooksTest, WhoJoinsWhileARoomIsDestroyedGetsANewOne) {
  FakeSession& alice = rooms_.Session("alice");
  const std::string epoch = rooms_.Join("scripted:a", alice)->response.position().epoch();
  ASSERT_TRUE(rooms_.Leave("scripted:a", alice, v1::LEAVE_REASON_LEAVE).ok());
  script_.wait_in_destroy = true;
  rooms_.shards().Advance(absl::Minutes(1));
  absl::StatusOr<Admission>& bob = BeginJoin("bob");
  EXPECT_EQ(bob.status().message(), "pending");
  script_.destroy.Open();
  rooms_.shards().Run();
  ASSERT_TRUE(bob.ok());
  EXPECT_NE(bob->response.position().epoch(), epoch);
  EXPECT_EQ(bob->response.room().member_count(), 1);
}

TEST_F(HooksTest, DestroyingARoomTellsItsMembersAndAsksNobody) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  alice.Take();
  script_.keep = true;
  absl::Status destroyed = absl::UnknownError("pending");
  rooms_.manager().Destroy("scripted:a", [&](absl::Status status) { destroyed = std::move(status); });
  rooms_.shards().Advance(absl::ZeroDuration());
  EXPECT_TRUE(destroyed.ok());
  EXPECT_THAT(alice.Take(), ElementsAre("left"));
  EXPECT_THAT(script_.log.back(), "leave alice with bag of alice for LEAVE_REASON_CLEANUP");
  EXPECT_EQ(rooms_.State("scripted:a"), "absent");
}

TEST_F(HooksTest, ALockedRoomTakesNobodyMore) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("scripted:a", alice).ok());
  rooms_.With("scripted:a", [](Room* room) { room->Update({.locked = true}); });
  EXPECT_EQ(rooms_.Join("scripted:a", rooms_.Session("bob")).status(), RoomLocked());
  EXPECT_TRUE(rooms_.Join("scripted:a", alice)->again);
}

TEST_F(HooksTest, AVolatileEventTakesNoOffset) {
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("r", alice).ok());
  rooms_.With("r", [](Room* room) { EXPECT_EQ(*room->Emit({.event = "blink", .options = {.is_volatile = true}}), 1); });
  EXPECT_EQ(rooms_.Emit("r", "hi"), 1);
  EXPECT_THAT(alice.Take(), ElementsAre("blink@0", "hi@2"));
}

}  // namespace
}  // namespace atrium
