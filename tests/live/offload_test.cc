// Rooms whose code waits for the worker pool: hooks, and methods that may wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using rooms::AddMessageRequest;
using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SlowRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "slow";
  static void Describe(RoomType<SlowRoom>& type) {
    type.options().hook_deadline = absl::Seconds(5);
    type.options().empty_ttl = absl::Minutes(1);
    type.Method("double", &SlowRoom::Double, Access::kMember).Method("private", &SlowRoom::Double);
  }

  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    if (join.payload.Json() != R"("slow")") co_return absl::OkStatus();
    const auto work = [] { return 7; };
    const absl::StatusOr<int> number = co_await Offload(work);
    if (!number.ok()) co_return number.status();
    Mutate([&](ChatState& state) { state.set_online_count(*number); });
    co_return absl::OkStatus();
  }

  // The text of the answer is twice that of the request.
  Awaitable<absl::StatusOr<ChatMessage>> Double(const AddMessageRequest& request, const CallContext& call) {
    Mutate([&](ChatState& state) { state.set_name("before"); });
    const auto work = [text = request.text()] {
      if (text == "throw") throw std::runtime_error("planted");
      return text + text;
    };
    const absl::StatusOr<std::string> doubled = co_await Offload(work);
    if (!doubled.ok()) co_return doubled.status();
    ChatMessage message;
    message.set_text(*doubled);
    message.set_user(call.member ? call.member->user_id : "a service");
    Mutate([&](ChatState& state) { state.set_name("after"); });
    Emit("doubled", message);
    if (request.text() == "fail") co_return absl::FailedPreconditionError("planted");
    co_return message;
  }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_THAT(registry.Add<SlowRoom>(), IsOk());
  return registry;
}

constexpr char kRoom[] = "slow:a";
const JoinOptions kSlowly = {.payload = R"("slow")"};

class OffloadTest : public ::testing::Test {
 protected:
  OffloadTest() { world_.workers().hold = true; }

  // Alice's call, as the room answers it; UNKNOWN "pending" until it does.
  using CallAnswer = std::shared_ptr<absl::StatusOr<TypedRoom::CallResult>>;
  CallAnswer Call(const std::string& text) {
    auto answer = std::make_shared<absl::StatusOr<TypedRoom::CallResult>>(absl::UnknownError("pending"));
    world_.With(kRoom, [&](Room* room) {
      room->Call("double", {{"text", text}}, room->roster().Find(alice_.id()), /*from_client=*/true,
                 [answer](auto called) { *answer = std::move(called); });
    });
    return answer;
  }

  RoomWorld world_{Registry()};
  Client& alice_ = world_.Connect("alice");
};

TEST_F(OffloadTest, AHookGoesOnWithWhatTheWorkReturned) {
  const AnswerPtr joining = alice_.Join(kRoom, kSlowly);
  EXPECT_FALSE(joining->there());
  world_.Work();
  ASSERT_THAT(joining, IsOk());
  EXPECT_EQ(joining->State().at("onlineCount"), 7);
}

TEST_F(OffloadTest, AMethodThatWaitsAnswersBehindWhatItEmits) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer answer = Call("ab");
  // Its first step is there; the room goes on meanwhile.
  EXPECT_THAT(alice_.Events(), ElementsAre("snapshot@1", "patch@2"));
  EXPECT_EQ(world_.Emit(kRoom, "news")->notified(), 1);
  EXPECT_EQ(answer->status().message(), "pending");
  world_.Work();
  ASSERT_THAT(*answer, IsOk());
  EXPECT_THAT((*answer)->result.Json(), HasSubstr(R"("user":"alice","text":"abab")"));
  EXPECT_EQ((*answer)->notified, 1);
  EXPECT_THAT(alice_.Events(), ElementsAre("news@3", "patch@4", "doubled@5"));
}

TEST_F(OffloadTest, AMethodThatFailsUndoesItsLastStep) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer answer = Call("fail");
  alice_.Events();
  world_.Work();
  EXPECT_EQ(answer->status(), absl::FailedPreconditionError("planted"));
  EXPECT_THAT(alice_.Events(), IsEmpty());
  EXPECT_THAT(world_.State(kRoom), HasSubstr(R"("name":"before")"));
}

TEST_F(OffloadTest, WorkThatThrowsIsAnInternalError) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer answer = Call("throw");
  world_.Work();
  EXPECT_THAT(*answer, StatusIs(absl::StatusCode::kInternal));
}

TEST_F(OffloadTest, AFullPoolIsToldAsItIs) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  world_.workers().full = true;
  EXPECT_THAT(*Call("ab"), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(world_.Connect("bob").Join(kRoom, kSlowly)->status.message(), "The server is busy, try again");
}

TEST_F(OffloadTest, AMethodIsCheckedAsAnyOther) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  EXPECT_EQ(alice_.Call(kRoom, "private", R"({"text":"x"})")->status, MethodIsServiceOnly("private"));
  EXPECT_EQ(ErrorField(world_.Call(kRoom, "double", R"({"txt":"x"})")->status), "args.txt");
  EXPECT_EQ(world_.workers().waiting(), 0u);
}

TEST_F(OffloadTest, WhatComesPastTheDeadlineHasNoEffectAndThePoolPinsTheRoom) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer answer = Call("ab");
  world_.Advance(absl::Seconds(5));
  EXPECT_THAT(*answer, StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  alice_.Events();
  // The coroutine still waits for the work: the room cannot go.
  world_.Advance(absl::Minutes(10));
  EXPECT_THAT(world_.State(kRoom), HasSubstr(R"("name":"before")"));
  world_.Work();
  EXPECT_THAT(world_.State(kRoom), HasSubstr(R"("name":"before")"));
  EXPECT_THAT(alice_.Events(), IsEmpty());
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(world_.State(kRoom), "absent");
}

TEST_F(OffloadTest, WorkThatNobodyWantsAnyMoreIsNotDone) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer late = Call("ab");
  world_.Advance(absl::Milliseconds(4999));
  const CallAnswer in_time = Call("cd");
  world_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(*late, StatusIs(absl::StatusCode::kDeadlineExceeded));
  world_.Work();
  EXPECT_EQ(world_.workers().done(), 1);
  EXPECT_THAT(*in_time, IsOk());
}

TEST_F(OffloadTest, AMemberThatLeavesMeanwhileHasItsCallDone) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  const CallAnswer answer = Call("ab");
  alice_.Disconnect();
  world_.Work();
  ASSERT_THAT(*answer, IsOk());
  EXPECT_EQ((*answer)->notified, 0);
}

// The end of the process, with work under way: nothing is touched that is gone.
TEST(OffloadAtTheEndTest, ARoomMayGoWhileItsHookWaits) {
  auto world = std::make_unique<RoomWorld>(Registry());
  world->workers().hold = true;
  const AnswerPtr joining = world->Connect("alice").Join(kRoom, kSlowly);
  EXPECT_EQ(world->workers().waiting(), 1u);
  world = nullptr;
  EXPECT_FALSE(joining->there());
}

}  // namespace
}  // namespace atrium::testing
