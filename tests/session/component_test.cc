// Components without sockets, threads or clocks: what holds at every interleaving that the schedule of the test sets
// up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/session/session_world.h"
#include "tests/support/probe.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SessionWorld;
using Client = SessionWorld::Client;

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(AddProbes(registry).ok());
  return registry;
}

v1::ClientFrame Action(const std::string& component, const std::string& action, const std::string& user = "",
                       const std::string& text = "") {
  v1::ClientFrame frame;
  frame.mutable_call()->set_component_id(component);
  frame.mutable_call()->set_method(action);
  auto& args = *frame.mutable_call()->mutable_args()->mutable_struct_value()->mutable_fields();
  args["user"].set_string_value(user);
  args["text"].set_string_value(text);
  return frame;
}

v1::ClientFrame Unmount(const std::string& component) {
  v1::ClientFrame frame;
  frame.mutable_unmount()->set_component_id(component);
  return frame;
}

v1::ClientFrame EmitFrame(const std::string& room, const std::string& event) {
  v1::ClientFrame frame;
  frame.mutable_emit()->set_room_id(room);
  frame.mutable_emit()->set_event(event);
  return frame;
}

class ComponentTest : public ::testing::Test {
 protected:
  ComponentTest() { HallRoom::closed = false; }
  ~ComponentTest() override { HallRoom::closed = false; }

  static std::string Mount(Client& client, const std::string& name = "Probe") {
    v1::ClientFrame frame;
    frame.mutable_mount()->set_component(name);
    const v1::Reply reply = client.Ask(frame);
    EXPECT_TRUE(reply.has_mount()) << reply.ShortDebugString();
    return reply.mount().component_id();
  }
  // What the action said, or its error.
  static std::string Do(Client& client, const std::string& component, const std::string& action,
                        const std::string& user = "", const std::string& text = "") {
    return TextOf(client.Ask(Action(component, action, user, text)));
  }
  static std::string TextOf(const v1::Reply& reply) {
    if (reply.has_error()) return reply.error().message();
    return reply.call().result().struct_value().fields().at("text").string_value();
  }
  // The component's text, as the client has it.
  static std::string Text(const Client& client) {
    std::string text;
    for (const v1::ServerFrame& frame : client.frames()) {
      for (const v1::PatchOperation& operation : frame.component().operations()) {
        if (operation.path() == "/text") text = operation.value().string_value();
      }
    }
    return text;
  }
  static int CountEvents(const Client& client, const std::string& event) {
    return static_cast<int>(std::count_if(client.frames().begin(), client.frames().end(),
                                          [&](const auto& frame) { return frame.event().event() == event; }));
  }
  // Code that waits does so by the wall clock: runs until `done`.
  template <typename Condition>
  void RunUntil(Condition done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      world_.Run();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(done());
  }

  Diary diary_;
  SessionWorld world_{Registry()};
  Client& ana_ = world_.Connect("ana", 0);
  Client& bo_ = world_.Connect("bo", 1);
};

// What a component asks of a room, in whatever rooms and on whatever shard, while answers are under way.
TEST_F(ComponentTest, JoinsAndLeavesAtOnceTakeEffectInTheirOrder) {
  const std::string probe = Mount(ana_);
  for (const std::string room : {"geral", "b", "c", "d", "hall:a", "hall:b", "hall:c"}) {
    const auto begin = [&](const std::string& action) { return ana_.Send(Action(probe, action, room)); };
    std::vector<uint32_t> asked = {begin("join"), begin("leave"), begin("join"), begin("join")};
    RunUntil([&] { return ana_.Reply(asked.back()).has_call(); });
    EXPECT_EQ(TextOf(ana_.Reply(asked[2])), "OK") << room;
    EXPECT_EQ(TextOf(ana_.Reply(asked[3])), "OK") << room;
    EXPECT_EQ(world_.Members(room), 1) << room;
    EXPECT_EQ(Do(ana_, probe, "listen", room, "hi"), "listening");
    world_.Emit(room, "hi");
    EXPECT_EQ(Text(ana_), "+hi by ") << room;
    Do(ana_, probe, "set", "", "");

    asked = {begin("leave"), begin("join"), begin("leave")};
    RunUntil([&] { return ana_.Reply(asked.back()).has_call(); });
    EXPECT_EQ(world_.Members(room), 0) << room;
    EXPECT_EQ(world_.Emit(room, "hi")->notified(), 0) << room;
    Do(ana_, probe, "set", "", "");
  }
}

TEST_F(ComponentTest, JoinsOfTheSessionAndOfItsComponentAreApart) {
  const std::string probe = Mount(ana_);
  v1::ClientFrame join, leave;
  join.mutable_join()->set_room_id("geral");
  leave.mutable_leave()->set_room_id("geral");
  const uint32_t joined = ana_.Send(Action(probe, "join", "geral"));
  const uint32_t self = ana_.Send(join);
  ana_.Send(leave);
  const uint32_t again = ana_.Send(join);
  const uint32_t left = ana_.Send(Action(probe, "leave", "geral"));
  world_.Run();
  EXPECT_EQ(TextOf(ana_.Reply(joined)), "OK");
  EXPECT_TRUE(ana_.Reply(self).has_join());
  EXPECT_TRUE(ana_.Reply(again).has_join());
  EXPECT_EQ(TextOf(ana_.Reply(left)), "OK");
  EXPECT_EQ(world_.Members("geral"), 1);
  EXPECT_EQ(world_.Emit("geral", "hi")->notified(), 1);
  EXPECT_EQ(CountEvents(ana_, "hi"), 1);
}

TEST_F(ComponentTest, AStepIsATransaction) {
  const std::string probe = Mount(ana_);
  EXPECT_EQ(Do(ana_, probe, "setThenFail", "", "lost"), "planted");
  EXPECT_EQ(Text(ana_), "");
  const uint32_t waits = ana_.Send(Action(probe, "setWaitFail", "", "kept"));
  RunUntil([&] { return ana_.Reply(waits).has_error(); });
  // What was done before the wait was a step of its own.
  EXPECT_EQ(Text(ana_), "kept");
  EXPECT_EQ(Do(ana_, probe, "throw"), "The component's action 'throw' failed");
  EXPECT_EQ(Text(ana_), "kept");
}

TEST_F(ComponentTest, AnActionPastItsDeadlineChangesNothingMore) {
  const std::string probe = Mount(ana_);
  const uint32_t waits = ana_.Send(Action(probe, "wait", "", "late"));
  world_.Advance(absl::Seconds(5));
  EXPECT_EQ(ana_.Reply(waits).error().message(), "The component's action 'wait' took too long");
  EXPECT_EQ(Text(ana_), "");
  EXPECT_EQ(Do(ana_, probe, "set", "", "next"), "set");
}

TEST_F(ComponentTest, UnmountingEndsWhatWaits) {
  const std::string probe = Mount(ana_);
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  const uint32_t waits = ana_.Send(Action(probe, "wait", "", "late"));
  EXPECT_TRUE(ana_.Ask(Unmount(probe)).has_unmount());
  EXPECT_EQ(ana_.Reply(waits).error().message(), "The component was unmounted");
  EXPECT_THAT(diary_.notes, ElementsAre("mount " + probe, "join " + probe, "unmount " + probe + " LEAVE_REASON_LEAVE",
                                        "leave " + probe + " LEAVE_REASON_LEAVE"));
  EXPECT_EQ(world_.Members("hall:a"), 0);
  EXPECT_TRUE(ana_.Ask(Unmount(probe)).has_error());
}

TEST_F(ComponentTest, EndsWithItsSession) {
  const std::string probe = Mount(ana_);
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  ana_.Send(Action(probe, "wait"));
  ana_.Leave();
  EXPECT_THAT(diary_.notes,
              ElementsAre("mount " + probe, "join " + probe, "unmount " + probe + " LEAVE_REASON_DISCONNECT",
                          "leave " + probe + " LEAVE_REASON_DISCONNECT"));
  EXPECT_EQ(world_.Members("hall:a"), 0);
}

TEST_F(ComponentTest, ASessionThatEndsDuringAJoinLeavesNoGhost) {
  const std::string probe = Mount(ana_);
  HallRoom::closed = true;
  ana_.Send(Action(probe, "join", "hall:a"));
  world_.Run();
  ana_.Leave();
  HallRoom::closed = false;
  RunUntil(
      [&] { return !diary_.notes.empty() && diary_.notes.back() == "leave " + probe + " LEAVE_REASON_DISCONNECT"; });
  EXPECT_EQ(world_.Members("hall:a"), 0);
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "leave " + probe + " LEAVE_REASON_DISCONNECT"), 1);
}

TEST_F(ComponentTest, ASessionThatEndsWhileItComesBackLeavesNoGhost) {
  const auto bring = [&] {
    v1::JoinRequest join;
    join.set_room_id("hall:a");
    join.set_member_id(ana_.id());
    world_.api().Join(Caller::Service(), {join}, [](const auto&) {});
  };
  bring();
  world_.Run();
  ASSERT_EQ(world_.Members("hall:a"), 1);
  // It asks to come back before it hears that it is out, and hears that before it is in.
  HallRoom::closed = true;
  v1::LeaveRequest leave;
  leave.set_room_id("hall:a");
  leave.set_member_id(ana_.id());
  world_.api().Leave(Caller::Service(), {leave}, [](const auto&) {});
  bring();
  world_.Run();
  ana_.Leave();
  HallRoom::closed = false;
  RunUntil([&] { return std::count(diary_.notes.begin(), diary_.notes.end(), "join " + ana_.id()) == 2; });
  world_.Run();
  EXPECT_EQ(world_.Members("hall:a"), 0);
}

TEST_F(ComponentTest, AComponentUnmountedDuringAJoinLeavesNoGhost) {
  const std::string probe = Mount(ana_);
  HallRoom::closed = true;
  const uint32_t joins = ana_.Send(Action(probe, "join", "hall:a"));
  world_.Run();
  EXPECT_TRUE(ana_.Ask(Unmount(probe)).has_unmount());
  EXPECT_EQ(ana_.Reply(joins).error().message(), "The component was unmounted");
  HallRoom::closed = false;
  RunUntil([&] { return diary_.notes.back() == "leave " + probe + " LEAVE_REASON_LEAVE"; });
  EXPECT_EQ(world_.Members("hall:a"), 0);
  EXPECT_EQ(world_.Emit("hall:a", "anybody")->notified(), 0);
}

TEST_F(ComponentTest, AJoinAndAnUnmountInOneTurnLeaveNoGhost) {
  const std::string probe = Mount(ana_);
  ana_.Send(Action(probe, "join", "geral"));
  ana_.Send(Unmount(probe));
  world_.Run();
  EXPECT_EQ(std::max(world_.Members("geral"), 0), 0);
}

TEST_F(ComponentTest, ARefusedMountLeavesItsRooms) {
  v1::ClientFrame frame;
  frame.mutable_mount()->set_component("Probe");
  (*frame.mutable_mount()->mutable_state()->mutable_struct_value()->mutable_fields())["user"].set_string_value(
      "refused");
  EXPECT_EQ(ana_.Ask(frame).error().message(), "not you");
  EXPECT_EQ(world_.Members("anteroom"), 0);
  EXPECT_THAT(diary_.notes, IsEmpty());
}

TEST_F(ComponentTest, HandlersRunInOrderOncePerComponentAndNotForTheSender) {
  const std::string one = Mount(ana_), two = Mount(ana_);
  for (const std::string& probe : {one, two}) {
    EXPECT_EQ(Do(ana_, probe, "listen", "geral", "news"), "listening");
    EXPECT_EQ(Do(ana_, probe, "join", "geral"), "OK");
  }
  EXPECT_EQ(Do(bo_, Mount(bo_), "join", "geral"), "OK");
  EXPECT_TRUE(bo_.Ask(EmitFrame("geral", "other")).has_emit());
  EXPECT_TRUE(bo_.Ask(EmitFrame("geral", "news")).has_emit());
  EXPECT_EQ(CountEvents(ana_, "news"), 1);
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "heard news"), 2);
  // A component does not hear itself; the other of the same session does, and its client.
  EXPECT_EQ(Do(ana_, one, "emit", "geral", "news"), "2");
  EXPECT_EQ(CountEvents(ana_, "news"), 2);
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "heard news"), 3);
  EXPECT_EQ(Do(ana_, two, "silence"), "silent");
  world_.Emit("geral", "news");
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "heard news"), 4);
}

TEST_F(ComponentTest, AHandlerAddedAfterAJoinMissesNothing) {
  const std::string probe = Mount(ana_);
  const std::string other = Mount(bo_);
  EXPECT_EQ(Do(bo_, other, "join", "geral"), "OK");
  ana_.Send(Action(probe, "joinAndListen", "geral", "x"));
  // Behind the join, before the component has heard of it.
  for (int i = 0; i < 3; ++i) bo_.Send(Action(other, "emit", "geral", "x"));
  world_.Run();
  const size_t heard = Text(ana_).size() / (other.size() + 1);
  EXPECT_EQ(heard, static_cast<size_t>(CountEvents(ana_, "x"))) << Text(ana_);
  EXPECT_GT(heard, 0u);
}

TEST_F(ComponentTest, HandlersOfARefusedJoinNeverRun) {
  const std::string probe = Mount(ana_);
  EXPECT_EQ(Do(ana_, probe, "listen", "hall:a", "news"), "listening");
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a", "evil"), "No evil here");
  world_.Emit("hall:a", "news");
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  EXPECT_EQ(world_.Emit("hall:a", "news")->notified(), 1);
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "heard news"), 0);
}

TEST_F(ComponentTest, AHandleKnowsThatItsComponentWasTakenOut) {
  const std::string probe = Mount(ana_);
  for (const char* by : {"leave", "destroy"}) {
    EXPECT_EQ(Do(ana_, probe, "listen", "hall:a", "news"), "listening");
    EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
    if (by == std::string("leave")) {
      v1::LeaveRequest leave;
      leave.set_room_id("hall:a");
      leave.set_member_id(probe);
      world_.api().Leave(Caller::Service(), {leave}, [](const auto& done) { EXPECT_TRUE(done.ok()); });
    } else {
      world_.manager().Destroy("hall:a", [](const absl::Status& status) { EXPECT_TRUE(status.ok()); });
    }
    world_.Advance(absl::ZeroDuration());
    EXPECT_THAT(Text(ana_), HasSubstr("removed from hall:a LEAVE_REASON_"));
    EXPECT_EQ(Do(ana_, probe, "rooms", "hall:a"), " out");
  }
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  world_.Emit("hall:a", "news");
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "heard news"), 0);
}

TEST_F(ComponentTest, JoiningTwiceIsOneMembership) {
  const std::string probe = Mount(ana_);
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  EXPECT_EQ(world_.Members("hall:a"), 1);
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "join " + probe), 1);
  EXPECT_EQ(Do(ana_, probe, "leave", "hall:a"), "OK");
  EXPECT_EQ(Do(ana_, probe, "join", "hall:a"), "OK");
  EXPECT_EQ(world_.Members("hall:a"), 1);
}

TEST_F(ComponentTest, ASecondJoinWaitsForTheFirst) {
  const std::string probe = Mount(ana_);
  HallRoom::closed = true;
  const uint32_t first = ana_.Send(Action(probe, "join", "hall:a"));
  const uint32_t second = ana_.Send(Action(probe, "join", "hall:a"));
  world_.Run();
  EXPECT_FALSE(ana_.Reply(first).has_call() || ana_.Reply(second).has_call());
  HallRoom::closed = false;
  RunUntil([&] { return ana_.Reply(second).has_call(); });
  EXPECT_EQ(TextOf(ana_.Reply(first)), "OK");
  EXPECT_EQ(TextOf(ana_.Reply(second)), "OK");
  EXPECT_EQ(std::count(diary_.notes.begin(), diary_.notes.end(), "join " + probe), 1);
}

TEST_F(ComponentTest, TheSessionStaysInARoomAsLongAsOneOfItsMembers) {
  const std::string probe = Mount(ana_);
  v1::ClientFrame join;
  join.mutable_join()->set_room_id("geral");
  ASSERT_TRUE(ana_.Ask(join).has_join());
  EXPECT_EQ(Do(ana_, probe, "join", "geral"), "OK");
  EXPECT_EQ(world_.Emit("geral", "both")->notified(), 1);
  v1::ClientFrame leave;
  leave.mutable_leave()->set_room_id("geral");
  EXPECT_TRUE(ana_.Ask(leave).has_leave());
  EXPECT_EQ(world_.Emit("geral", "one")->notified(), 1);
  EXPECT_EQ(Do(ana_, probe, "leave", "geral"), "OK");
  EXPECT_EQ(world_.Emit("geral", "none")->notified(), 0);
  EXPECT_EQ(CountEvents(ana_, "both"), 1);
  EXPECT_EQ(CountEvents(ana_, "one"), 1);
  EXPECT_EQ(CountEvents(ana_, "none"), 0);
}

TEST_F(ComponentTest, TheServerMayEndWhileCodeWaits) {
  const std::string probe = Mount(ana_);
  HallRoom::closed = true;
  ana_.Send(Action(probe, "join", "hall:a"));
  ana_.Send(Action(probe, "wait"));
  world_.Run();
}

}  // namespace
}  // namespace atrium
