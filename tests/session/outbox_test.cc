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

TEST(OutboxTest, DropsVolatileItemsThatHaveNotBegun) {
  Outbox outbox;
  outbox.Push(Text("aa"), /*is_volatile=*/true);
  outbox.Push(Text("bb"));
  outbox.Push(Text("cc"), /*is_volatile=*/true);
  outbox.Push(Text("dd"));
  outbox.Sent(1);
  EXPECT_EQ(outbox.DropVolatile(), 1u);
  EXPECT_EQ(outbox.bytes(), 5u);
  outbox.Sent(3);
  EXPECT_EQ(outbox.Unsent(0), "dd");
}

}  // namespace
}  // namespace atrium
