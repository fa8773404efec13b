// A room with more readers than a shard serves in one turn: what each client gets comes in its order all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/session/session_world.h"

namespace atrium {
namespace {

using testing::SessionWorld;
using Client = SessionWorld::Client;

constexpr int kCrowd = 300;
constexpr char kRoom[] = "geral";

v1::ClientFrame Emit(const std::string& event) {
  v1::ClientFrame frame;
  frame.mutable_emit()->set_room_id(kRoom);
  frame.mutable_emit()->set_event(event);
  frame.mutable_emit()->set_include_self(true);
  return frame;
}

// What became of the room, as the client has it: offsets of its frames, and "reply 5" and the like.
std::vector<std::string> Story(const Client& client) {
  std::vector<std::string> story;
  for (const v1::ServerFrame& frame : client.frames()) {
    if (frame.has_event()) story.push_back(frame.event().event());
    if (frame.has_left()) story.push_back("left");
    if (frame.has_reply()) story.push_back(absl::StrCat("reply ", frame.reply().id()));
  }
  return story;
}

class CrowdTest : public ::testing::Test {
 protected:
  CrowdTest() {
    for (int i = 0; i < kCrowd; ++i) {
      Client& client = world_.Connect(absl::StrCat("user", i), 0);
      crowd_.push_back(&client);
      v1::ClientFrame join;
      join.mutable_join()->set_room_id(kRoom);
      EXPECT_TRUE(client.Ask(join).has_join());
    }
  }

  SessionWorld world_{RoomRegistry(), {.rate = 0, .send_queue_bytes = 0}};
  std::vector<Client*> crowd_;
};

TEST_F(CrowdTest, AReplyComesBehindTheFramesThatWerePostedBefore) {
  Client& last = *crowd_.back();
  const std::string reply = absl::StrCat("reply ", last.Send(Emit("mine")));
  world_.Run();
  const std::vector<std::string> story = Story(last);
  ASSERT_GE(story.size(), 2u);
  EXPECT_EQ(story[story.size() - 2], "mine");
  EXPECT_EQ(story.back(), reply);
  for (const Client* client : crowd_) {
    const std::vector<std::string> one = Story(*client);
    EXPECT_EQ(std::count(one.begin(), one.end(), "mine"), 1);
  }
}

TEST_F(CrowdTest, NothingFollowsTheReplyToALeave) {
  Client& last = *crowd_.back();
  crowd_.front()->Send(Emit("before"));
  v1::ClientFrame leave;
  leave.mutable_leave()->set_room_id(kRoom);
  const std::string reply = absl::StrCat("reply ", last.Send(leave));
  crowd_.front()->Send(Emit("after"));
  world_.Run();
  const std::vector<std::string> story = Story(last);
  ASSERT_GE(story.size(), 2u);
  EXPECT_EQ(story[story.size() - 2], "before");
  EXPECT_EQ(story.back(), reply);
}

TEST_F(CrowdTest, WhoIsThrownOutHasAllThatCameBefore) {
  Client& last = *crowd_.back();
  crowd_.front()->Send(Emit("before"));
  world_.Kick(kRoom, last.id());
  const std::vector<std::string> story = Story(last);
  ASSERT_GE(story.size(), 2u);
  EXPECT_EQ(story[story.size() - 2], "before");
  EXPECT_EQ(story.back(), "left");
}

// Where the connection is lost between two slices, nothing is missed and nothing comes twice.
TEST_F(CrowdTest, WhoComesBackHasMissedNothing) {
  std::mt19937 random(4711);
  std::vector<int> lost;
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back(absl::StrCat("event ", i));
    crowd_.front()->Send(Emit(sent.back()));
    for (int steps = static_cast<int>(random() % 8); steps > 0; --steps) world_.shards().Step(random);
    const int who = kCrowd - 1 - i * 3;
    crowd_[who]->LoseNow();
    lost.push_back(who);
  }
  world_.Run();
  for (const int who : lost) {
    std::vector<std::string> events;
    const Client& back = world_.Resume(*crowd_[who]);
    EXPECT_TRUE(back.welcome().resumed());
    for (const Client* client : {static_cast<const Client*>(crowd_[who]), &back}) {
      for (const v1::ServerFrame& frame : client->frames()) {
        if (frame.has_event()) events.push_back(frame.event().event());
      }
    }
    EXPECT_EQ(events, sent) << who;
  }
}

}  // namespace
}  // namespace atrium
