#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "rooms/chat.pb.h"
#include "rooms/chat_room.h"
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

// A room whose hooks do what a test asks of them.
class ProbeRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "probe";
  static void Describe(RoomType<ProbeRoom>& type) {
    type.options().max_members = 2;
    type.Method("addMessage", &ProbeRoom::AddMessage);
  }

  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    Mutate([](ChatState& state) { state.set_online_count(state.online_count() + 1); });
    Emit("joining", ChatMessage());
    const std::string wish = join.payload.Json();
    if (wish == R"("refuse")") co_return absl::PermissionDeniedError("Not you");
    if (wish == R"("say no")") co_return absl::PermissionDeniedError("");
    if (wish == R"("throw")") throw std::runtime_error("planted");
    if (wish == R"("wait")") {
      // Resumes when the test next runs the shards.
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::seconds(0));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return absl::OkStatus();
  }

  void OnLeave(LeaveContext& leave) override {
    Mutate([&](ChatState& state) {
      state.set_online_count(state.online_count() - 1);
      state.add_messages()->set_text("left " + leave.member.id + " of " + std::to_string(MemberCount()));
    });
  }

  absl::StatusOr<ChatMessage> AddMessage(const AddMessageRequest& request, const CallContext&) {
    Mutate([&](ChatState& state) { state.add_messages()->set_text(request.text()); });
    MutateMeta([](ChatMeta& meta) { meta.set_posted(meta.posted() + 1); });
    Emit("said", ChatMessage());
    if (request.text() == "fail") return absl::FailedPreconditionError("planted");
    if (request.text() == "throw") throw std::runtime_error("planted");
    ChatMessage message;
    message.set_text(std::to_string(meta().posted()));
    return message;
  }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(registry.Add<ProbeRoom>().ok());
  EXPECT_TRUE(registry.Add<rooms::ChatRoom>().ok());
  return registry;
}

absl::StatusOr<TypedRoom::CallResult> AddMessage(RoomHarness& rooms, const std::string& room, const std::string& text) {
  return rooms.Call(room, "addMessage", {{"user", "ana"}, {"text", text}});
}

Payload Wish(absl::string_view wish) { return Payload::FromJson(json::value(FromView(wish))); }

TEST(TypedRoomTest, TheJoinerSeesInItsSnapshotWhatItsJoinSet) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  EXPECT_EQ(rooms.Join("probe:a", alice)->state.Json(),
            R"({"messages":[],"onlineCount":1,"isPrivate":false,"name":""})");
  EXPECT_EQ(rooms.Join("probe:a", bob)->state.Json(), R"({"messages":[],"onlineCount":2,"isPrivate":false,"name":""})");
  // Alice's own join made frames 1 to 3, Bob's 4 to 6.
  EXPECT_THAT(alice.Take(), ElementsAre("patch@4", "joining@5", "+bob@6"));
  EXPECT_THAT(bob.Take(), IsEmpty());
}

TEST(TypedRoomTest, ARefusedJoinLeavesNoTrace) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("probe:a", alice).ok());
  alice.Take();
  const std::string state = rooms.State("probe:a");
  EXPECT_EQ(rooms.Join("probe:a", bob, {}, Wish("refuse")).status(), JoinRejected("Not you"));
  EXPECT_EQ(rooms.Join("probe:a", bob, {}, Wish("say no")).status(), JoinRejected("Join rejected by room"));
  EXPECT_EQ(rooms.Join("probe:a", bob, {}, Wish("throw")).status(), JoinRejected("Join rejected by room"));
  EXPECT_EQ(rooms.State("probe:a"), state);
  EXPECT_THAT(alice.Take(), IsEmpty());
}

TEST(TypedRoomTest, ARoomThatIsFullSaysSo) {
  RoomHarness rooms(Registry());
  ASSERT_TRUE(rooms.Join("probe:a", rooms.Session("a")).ok());
  ASSERT_TRUE(rooms.Join("probe:a", rooms.Session("b")).ok());
  EXPECT_EQ(rooms.Join("probe:a", rooms.Session("c")).status(), RoomFull());
}

TEST(TypedRoomTest, APendingJoinHoldsItsSeat) {
  RoomHarness rooms(Registry());
  ASSERT_TRUE(rooms.Join("probe:a", rooms.Session("a")).ok());
  absl::StatusOr<Admission> waiting = absl::UnknownError("pending"), late = absl::UnknownError("pending");
  rooms.BeginJoin("probe:a", rooms.Session("b"), waiting, {}, Wish("wait"));
  rooms.BeginJoin("probe:a", rooms.Session("c"), late);
  rooms.shards().Run();
  EXPECT_TRUE(waiting.ok()) << waiting.status();
  EXPECT_EQ(late.status(), RoomFull());
}

TEST(TypedRoomTest, AMemberThatGoesWhileItsJoinIsPendingIsNoGhost) {
  RoomHarness rooms(Registry());
  FakeSession& bob = rooms.Session("bob");
  absl::StatusOr<Admission> joining = absl::UnknownError("pending");
  rooms.BeginJoin("probe:a", bob, joining, {}, Wish("wait"));
  rooms.manager().Find("probe:a", [&](Room* room) {
    EXPECT_TRUE(room->Leave("bob", v1::LEAVE_REASON_DISCONNECT, /*tell=*/false).ok());
  });
  rooms.shards().Run();
  EXPECT_EQ(joining.status().code(), absl::StatusCode::kCancelled);
  // One OnLeave for the OnJoin that said yes.
  EXPECT_THAT(rooms.State("probe:a"), HasSubstr("left bob of 1"));
  EXPECT_THAT(rooms.State("probe:a"), HasSubstr(R"("onlineCount":0)"));
  rooms.shards().Advance(absl::Minutes(5));
  EXPECT_EQ(rooms.State("probe:a"), "absent");
}

TEST(TypedRoomTest, AMethodIsOneStep) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("probe:a", alice).ok());
  const absl::StatusOr<TypedRoom::CallResult> said = AddMessage(rooms, "probe:a", "hello");
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->notified, 1);
  EXPECT_THAT(alice.Take(), ElementsAre("patch@4", "said@5"));

  const std::string state = rooms.State("probe:a");
  EXPECT_EQ(AddMessage(rooms, "probe:a", "fail").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(AddMessage(rooms, "probe:a", "throw").status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(rooms.State("probe:a"), state);
  EXPECT_THAT(alice.Take(), IsEmpty());
  // Meta was taken back too: this is the second message, not the fourth.
  EXPECT_THAT(AddMessage(rooms, "probe:a", "again")->result.Json(), HasSubstr(R"("text":"2")"));
}

TEST(TypedRoomTest, RefusesWhatItDoesNotKnow) {
  RoomHarness rooms(Registry());
  ASSERT_TRUE(rooms.Join("probe:a", rooms.Session("a")).ok());
  EXPECT_EQ(rooms.Call("probe:a", "noSuch", json::object()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorField(rooms.Call("probe:a", "addMessage", {{"txt", "x"}}).status()), "txt");
  rooms.With("probe:a", [](Room* room) { EXPECT_EQ(room->SetState(json::object()), StateIsServerOnly()); });
}

TEST(TypedRoomTest, AStateOverItsLimitFailsTheStep) {
  RoomHarness rooms(Registry(), {.max_state_bytes = 200});
  ASSERT_TRUE(rooms.Join("probe:a", rooms.Session("a")).ok());
  EXPECT_EQ(AddMessage(rooms, "probe:a", std::string(200, 'x')).status(), StateTooLarge());
  EXPECT_TRUE(AddMessage(rooms, "probe:a", "x").ok());
}

TEST(ChatRoomTest, KeepsTheLastHundredMessagesAndCountsWhoIsThere) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("chat:lobby", alice).ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddMessage(rooms, "chat:lobby", "m" + std::to_string(i)).ok());
  alice.frames.clear();
  ASSERT_TRUE(AddMessage(rooms, "chat:lobby", "m100").ok());
  ASSERT_EQ(alice.frames.size(), 2u);
  // One dropped in front, one appended: not the whole list.
  const v1::StatePatch& patch = alice.frames[0].patch();
  ASSERT_EQ(patch.operations_size(), 2);
  EXPECT_EQ(patch.operations(0).op(), "remove");
  EXPECT_EQ(patch.operations(0).path(), "/messages/0");
  EXPECT_EQ(patch.operations(1).path(), "/messages/99");
  EXPECT_EQ(alice.frames[1].event().event(), "chat:message");
  EXPECT_THAT(rooms.State("chat:lobby"), HasSubstr(R"("onlineCount":1)"));
  ASSERT_TRUE(rooms.Leave("chat:lobby", alice, v1::LEAVE_REASON_LEAVE).ok());
  EXPECT_THAT(rooms.State("chat:lobby"), HasSubstr(R"("onlineCount":0)"));
  EXPECT_EQ(AddMessage(rooms, "chat:lobby", "").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ChatRoomTest, StopsWhoHasFallenSilentWhileTyping) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("chat:lobby", alice).ok());
  ASSERT_TRUE(rooms.Join("chat:lobby", bob).ok());
  const auto type = [&] {
    rooms.With("chat:lobby", [&](Room* room) {
      EXPECT_EQ(*room->Emit({.event = "typing",
                             .data = Payload::FromText(R"({"typing":true})"),
                             .sender = &alice.self,
                             .options = {.is_volatile = true}}),
                1);
    });
  };
  bob.Take();
  type();
  rooms.shards().Advance(absl::Seconds(2));
  type();
  EXPECT_THAT(bob.Take(), ElementsAre("typing@0", "typing@0"));
  rooms.shards().Advance(absl::Milliseconds(2999));
  EXPECT_THAT(bob.Take(), IsEmpty());
  rooms.shards().Advance(absl::Milliseconds(1));
  ASSERT_EQ(bob.frames.size(), 1u);
  EXPECT_EQ(*FromProtoValue(bob.frames[0].event().data()), (json::value{{"memberId", "alice"}, {"typing", false}}));
}

TEST(RoomRegistryTest, RefusesANameThatIsTaken) {
  RoomRegistry registry = Registry();
  EXPECT_EQ(registry.Add<ProbeRoom>().message(), "LiveRoom 'probe' is already registered");
  EXPECT_EQ(registry.TypeOf("probe:x")->name, "probe");
  EXPECT_EQ(registry.TypeOf("probex:x"), nullptr);
  EXPECT_EQ(registry.TypeOf("probe"), nullptr);
}

}  // namespace
}  // namespace atrium
