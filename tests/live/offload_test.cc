// Rooms whose code waits for the worker pool: hooks, and methods that may wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "rooms/chat.pb.h"
#include "server/live/live_room.h"
#include "server/live/room_errors.h"
#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using rooms::AddMessageRequest;
using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RoomHarness;

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
    message.set_user(call.member ? call.member->id : "a service");
    Mutate([&](ChatState& state) { state.set_name("after"); });
    Emit("doubled", message);
    if (request.text() == "fail") co_return absl::FailedPreconditionError("planted");
    co_return message;
  }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(registry.Add<SlowRoom>().ok());
  return registry;
}

Payload Slow() { return Payload::FromText(R"("slow")"); }

class OffloadTest : public ::testing::Test {
 protected:
  OffloadTest() : alice_(rooms_.Session("alice")) { rooms_.workers().hold = true; }

  // Begins a call and runs until nothing moves; then the answer, or UNKNOWN "pending".
  using Answer = std::shared_ptr<absl::StatusOr<TypedRoom::CallResult>>;
  Answer Call(const std::string& text) {
    auto answer = std::make_shared<absl::StatusOr<TypedRoom::CallResult>>(absl::UnknownError("pending"));
    rooms_.With("slow:a", [&](Room* room) {
      room->Call("double", {{"text", text}}, &alice_.self, [answer](auto called) { *answer = std::move(called); });
    });
    return answer;
  }
  void Work() {
    rooms_.workers().Run();
    rooms_.shards().Run();
  }

  RoomHarness rooms_{Registry()};
  FakeSession& alice_;
};

TEST_F(OffloadTest, AHookGoesOnWithWhatTheWorkReturned) {
  absl::StatusOr<Admission> joined = absl::UnknownError("pending");
  rooms_.BeginJoin("slow:a", alice_, joined, {}, Slow());
  rooms_.shards().Run();
  EXPECT_EQ(joined.status().message(), "pending");
  Work();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_THAT(joined->state.Json(), HasSubstr(R"("onlineCount":7)"));
}

TEST_F(OffloadTest, AMethodThatWaitsAnswersBehindWhatItEmits) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  alice_.Take();
  const Answer answer = Call("ab");
  // Its first step is there; the room goes on meanwhile.
  EXPECT_THAT(alice_.Take(), ElementsAre("patch@2"));
  EXPECT_EQ(rooms_.Emit("slow:a", "news"), 1);
  EXPECT_EQ(answer->status().message(), "pending");
  Work();
  ASSERT_TRUE(answer->ok()) << answer->status();
  EXPECT_THAT((*answer)->result.Json(), HasSubstr(R"("text":"abab")"));
  EXPECT_THAT((*answer)->result.Json(), HasSubstr(R"("user":"alice")"));
  EXPECT_EQ((*answer)->notified, 1);
  EXPECT_THAT(alice_.Take(), ElementsAre("news@3", "patch@4", "doubled@5"));
}

TEST_F(OffloadTest, AMethodThatFailsUndoesItsLastStep) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  const Answer answer = Call("fail");
  alice_.Take();
  Work();
  EXPECT_EQ(answer->status(), absl::FailedPreconditionError("planted"));
  EXPECT_THAT(alice_.Take(), IsEmpty());
  EXPECT_THAT(rooms_.State("slow:a"), HasSubstr(R"("name":"before")"));
}

TEST_F(OffloadTest, WorkThatThrowsIsAnInternalError) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  const Answer answer = Call("throw");
  Work();
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kInternal);
}

TEST_F(OffloadTest, AFullPoolIsToldAsItIs) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  rooms_.workers().full = true;
  EXPECT_EQ(Call("ab")->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(rooms_.Join("slow:a", rooms_.Session("bob"), {}, Slow()).status().message(),
            "The server is busy, try again");
}

TEST_F(OffloadTest, AMethodIsCheckedAsAnyOther) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  EXPECT_EQ(rooms_.Call("slow:a", "private", {{"text", "x"}}, &alice_).status(), MethodIsServiceOnly("private"));
  EXPECT_EQ(ErrorField(rooms_.Call("slow:a", "double", {{"txt", "x"}}).status()), "txt");
  EXPECT_EQ(rooms_.workers().waiting(), 0u);
}

TEST_F(OffloadTest, WhatComesPastTheDeadlineHasNoEffectAndThePoolPinsTheRoom) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  const Answer answer = Call("ab");
  rooms_.shards().Advance(absl::Seconds(5));
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(rooms_.Leave("slow:a", alice_, v1::LEAVE_REASON_LEAVE).ok());
  alice_.Take();
  // The coroutine still waits for the work: the room cannot go.
  rooms_.shards().Advance(absl::Minutes(10));
  EXPECT_THAT(rooms_.State("slow:a"), HasSubstr(R"("name":"before")"));
  Work();
  EXPECT_THAT(rooms_.State("slow:a"), HasSubstr(R"("name":"before")"));
  EXPECT_THAT(alice_.Take(), IsEmpty());
  rooms_.shards().Advance(absl::Minutes(1));
  EXPECT_EQ(rooms_.State("slow:a"), "absent");
}

TEST_F(OffloadTest, AMemberThatLeavesMeanwhileHasItsCallDone) {
  ASSERT_TRUE(rooms_.Join("slow:a", alice_).ok());
  const Answer answer = Call("ab");
  ASSERT_TRUE(rooms_.Leave("slow:a", alice_, v1::LEAVE_REASON_DISCONNECT).ok());
  Work();
  ASSERT_TRUE(answer->ok());
  EXPECT_EQ((*answer)->notified, 0);
}

// The end of the process, with work under way: nothing is touched that is gone.
TEST(OffloadAtTheEndTest, ARoomMayGoWhileItsHookWaits) {
  auto rooms = std::make_unique<RoomHarness>(Registry());
  rooms->workers().hold = true;
  absl::StatusOr<Admission> joined = absl::UnknownError("pending");
  rooms->BeginJoin("slow:a", rooms->Session("alice"), joined, {}, Slow());
  rooms->shards().Run();
  EXPECT_EQ(rooms->workers().waiting(), 1u);
  rooms = nullptr;
  EXPECT_EQ(joined.status().message(), "pending");
}

}  // namespace
}  // namespace atrium
