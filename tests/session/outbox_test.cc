#include "server/session/outbox.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

Outbox::Bytes Text(const char* text) { return std::make_shared<const std::string>(text); }

TEST(OutboxTest, KeepsTheRestOfAPartlySentItem) {
  Outbox outbox;
  outbox.Push(Text("hello"));
  outbox.Push(Text("world"));
  outbox.Sent(7);
  EXPECT_EQ(outbox.size(), 1u);
  EXPECT_EQ(outbox.Unsent(0), "rld");
  EXPECT_EQ(outbox.bytes(), 3u);
  outbox.Sent(3);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(OutboxTest, DropsOnlyWhatHasNotBegun) {
  Outbox outbox;
  outbox.Push(Text("hello"));
  outbox.Push(Text("world"));
  outbox.Push(Text("again"));
  outbox.Sent(2);
  outbox.DropUnbegun();
  EXPECT_EQ(outbox.size(), 1u);
  EXPECT_EQ(outbox.Unsent(0), "llo");
  EXPECT_EQ(outbox.bytes(), 3u);
}

TEST(OutboxTest, LetsGoOfFramesOnceTheyAreSent) {
  Outbox outbox;
  const Outbox::Bytes frame = Text("hello");
  outbox.Push(frame);
  outbox.Push(Text("world"));
  EXPECT_EQ(frame.use_count(), 2);
  outbox.Sent(5);
  EXPECT_EQ(frame.use_count(), 1);
}

FramePtr EventFrame(const std::string& name, FrameOrigin origin) {
  Event event{.room_id = "geral", .origin = origin, .event = name};
  event.data = Payload::FromText("{}");
  return EncodeEvent(event, Encoding::kGrpc);
}

TEST(OutboxTest, DropsVolatileFramesThatHaveNotBegun) {
  Outbox outbox;
  outbox.Push(EventFrame("gone", {}), Encoding::kGrpc);
  outbox.Push(EventFrame("kept", {.room = 1, .offset = 1}), Encoding::kGrpc);
  outbox.Push(EventFrame("gone", {}), Encoding::kGrpc);
  outbox.Push(Text("dd"));
  outbox.Sent(1);
  EXPECT_EQ(outbox.DropVolatile(), 1u);
  EXPECT_EQ(outbox.size(), 3u);
  EXPECT_EQ(outbox.UnsentFrames().size(), 2u);
  outbox.Sent(outbox.bytes() - 2);
  EXPECT_EQ(outbox.Unsent(0), "dd");
}

TEST(OutboxTest, DropsTheFramesOfARoomThatASnapshotCanStandFor) {
  Outbox outbox;
  outbox.Push(EventFrame("begun", {.room = 1, .offset = 1}), Encoding::kGrpc);
  outbox.Push(EventFrame("reply", {.room = 1, .kind = FrameOrigin::Kind::kJoined}), Encoding::kGrpc);
  outbox.Push(EventFrame("one", {.room = 1, .offset = 2}), Encoding::kGrpc);
  outbox.Push(EventFrame("two", {.room = 2, .offset = 1}), Encoding::kGrpc);
  outbox.Taken(1);
  EXPECT_EQ(outbox.RoomBytes().at(1), outbox.RoomBytes().at(2));
  EXPECT_FALSE(outbox.DropRoom(1));
  EXPECT_EQ(outbox.size(), 3u);
  outbox.Push(EventFrame("snapshot", {.room = 1, .kind = FrameOrigin::Kind::kSnapshot}), Encoding::kGrpc);
  EXPECT_TRUE(outbox.DropRoom(1));
  EXPECT_EQ(outbox.size(), 3u);
}

TEST(OutboxTest, KnowsHowMuchOfItDoesNotCount) {
  Outbox outbox;
  const FramePtr frame = EventFrame("missed", {.room = 1, .offset = 1});
  const size_t size = frame->size();
  outbox.Push(Text("hello"));
  outbox.Push(frame, Encoding::kGrpc, /*counts=*/false);
  outbox.Push(frame, Encoding::kGrpc, /*counts=*/false);
  outbox.Sent(5 + 3);
  EXPECT_EQ(outbox.uncounted_bytes(), 2 * size - 3);
  outbox.DropRoom(1);
  EXPECT_EQ(outbox.uncounted_bytes(), size - 3);
  outbox.Sent(size - 3);
  EXPECT_EQ(outbox.uncounted_bytes(), 0u);
}

}  // namespace
}  // namespace atrium
