#include "server/live/rooms/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/manual_shards.h"

namespace atrium {
namespace {

using testing::ManualShards;

struct Reader final : Subscriber, Listener {
  void Send(const FramePtr& frame) override { got.push_back(frame->origin().offset); }
  void OnRemoved(const std::string&, const Removal&) override {}
  void OnRoomEvent(const std::string&, const HeardEvent& event) override { heard.push_back(event.event); }
  std::vector<uint64_t> got;
  std::vector<std::string> heard;
};

class ChannelTest : public ::testing::Test {
 protected:
  Reader& Add(SessionKey key) {
    Reader& reader = readers_[key];
    channel_->Add(shards_[0], key, reader, came_);
    return reader;
  }
  void AddMany(int count) {
    for (int i = 0; i < count; ++i) Add(++last_key_);
  }
  // As a room does.
  void Send() {
    Delivery delivery{.frame = MakeFrame("frame", {.room = 1, .offset = ++offset_})};
    delivery.heard = std::make_shared<HeardEvent>(HeardEvent{.event = absl::StrCat(offset_)});
    Post(std::move(delivery));
  }
  void Post(Delivery delivery) {
    shards_[0].Post([this, shared = std::make_shared<const Delivery>(std::move(delivery))] {
      came_ = std::max(came_, shared->frame->origin().offset);
      if (!channel_->Deliver(shards_[0], shared)) shards_[0].slices().Add(channel_);
    });
  }
  // What `look` sees in each of so many turns, the first of which is that of what has been posted.
  std::vector<size_t> SeeInTurns(size_t turns, const std::function<size_t()>& look) {
    std::vector<size_t> seen;
    std::function<void()> see = [&] {
      seen.push_back(look());
      if (seen.size() < turns) shards_[0].NextTurn(see);
    };
    shards_[0].Post(see);
    shards_.Run();
    return seen;
  }
  // How many readers have all frames.
  size_t CountDone() const {
    return static_cast<size_t>(std::count_if(readers_.begin(), readers_.end(), [this](const auto& reader) {
      return !reader.second.got.empty() && reader.second.got.back() == offset_;
    }));
  }

  ManualShards shards_{1};
  const std::shared_ptr<Channel> channel_ =
      std::make_shared<Channel>(RoomIdentity{.id = "room", .epoch = "e", .key = 1}, Channel::Terms{}, 1);
  std::map<SessionKey, Reader> readers_;
  SessionKey last_key_ = 0;
  uint64_t offset_ = 0;
  // Of the last frame that has come to the shard.
  uint64_t came_ = 0;
};

TEST_F(ChannelTest, HandsAFrameTo256ReadersInEachOfTheNextTurns) {
  AddMany(1000);
  Send();
  EXPECT_EQ(SeeInTurns(6, [this] { return CountDone(); }), (std::vector<size_t>{0, 256, 512, 768, 1000, 1000}));
  EXPECT_TRUE(shards_[0].slices().empty());
}

// A burst costs each reader one write, not two.
TEST_F(ChannelTest, WhatComesInOneTurnReachesAReaderTogether) {
  AddMany(600);
  Send();
  Send();
  EXPECT_EQ(SeeInTurns(3, [this] { return readers_[1].got.size(); }), (std::vector<size_t>{0, 2, 2}));
}

TEST_F(ChannelTest, HandsAFrameToFewReadersAtOnce) {
  AddMany(256);
  Send();
  EXPECT_EQ(SeeInTurns(1, [this] { return CountDone(); }).front(), 256u);
}

TEST_F(ChannelTest, SeveralRoomsTogetherHandTo256ReadersInATurn) {
  AddMany(600);
  const auto other = std::make_shared<Channel>(RoomIdentity{.id = "other", .key = 2}, Channel::Terms{}, 1);
  std::map<SessionKey, Reader> others;
  for (SessionKey key = 1; key <= 600; ++key) other->Add(shards_[0], key, others[key], 0);
  Send();
  shards_[0].Post([&] {
    const auto delivery = std::make_shared<const Delivery>(Delivery{.frame = MakeFrame("frame", {.offset = 1})});
    if (!other->Deliver(shards_[0], delivery)) shards_[0].slices().Add(other);
  });
  const auto count = [&] {
    size_t done = 0;
    for (const auto& [key, reader] : readers_) done += reader.got.size();
    for (const auto& [key, reader] : others) done += reader.got.size();
    return done;
  };
  EXPECT_EQ(SeeInTurns(6, count), (std::vector<size_t>{0, 256, 512, 768, 1024, 1200}));
}

TEST_F(ChannelTest, ComponentsHearInSlicesToo) {
  for (SessionKey key = 1; key <= 600; ++key) channel_->AddListener(shards_[0], key, readers_[key]);
  Send();
  Send();
  size_t heard = 0;
  const auto count = [&] {
    for (const auto& [key, reader] : readers_) heard += reader.heard.size();
  };
  shards_[0].Post([&] { shards_[0].NextTurn(count); });
  shards_.Run();
  EXPECT_EQ(heard, 512u) << "256 listeners, two events each";
  for (const auto& [key, reader] : readers_) ASSERT_EQ(reader.heard, (std::vector<std::string>{"1", "2"}));
}

TEST_F(ChannelTest, OneWhoComesLateDoesNotGetWhatWasPostedBefore) {
  AddMany(600);
  Send();
  shards_[0].Post([this] { Add(1000); });
  shards_.Run();
  EXPECT_TRUE(readers_[1000].got.empty());
  Send();
  shards_.Run();
  EXPECT_EQ(readers_[1000].got, std::vector<uint64_t>{2});
}

TEST_F(ChannelTest, OneWhoIsCaughtUpHasAllAndGetsNothingTwice) {
  AddMany(600);
  Send();
  Send();
  std::vector<uint64_t> got;
  shards_[0].Post([this, &got] {
    shards_[0].slices().CatchUp({600});
    got = readers_[600].got;
  });
  shards_.Run();
  EXPECT_EQ(got, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(readers_[600].got, got);
}

TEST_F(ChannelTest, AnAudienceIsKeptInSlices) {
  AddMany(600);
  Post({.frame = MakeFrame("frame", {.offset = ++offset_}), .audience = {Audience::Kind::kExcept, 2, {1, 600}}});
  shards_.Run();
  for (const auto& [key, reader] : readers_) EXPECT_EQ(reader.got.size(), key == 1 || key == 600 ? 0u : 1u) << key;
}

// Readers come, go, pause and go on between slices; each gets what follows on what it has, and nothing else.
class ChannelScheduleTest : public ChannelTest {
 protected:
  struct Place {
    uint64_t position;
    bool paused = false;
  };

  void Operate() {
    const int what = Below(100);
    if (what < 30) return Send();
    if (what < 60) return shards_.EndTurn(0);
    if (what < 70 || places_.empty()) {
      Add(++last_key_);
      places_[last_key_] = {came_};
      return;
    }
    const auto it = std::next(places_.begin(), Below(static_cast<int>(places_.size())));
    const SessionKey key = it->first;
    Place& place = it->second;
    if (what < 80) {
      channel_->Remove(shards_[0], key);
      Check(key, place);
      readers_.erase(key);
      places_.erase(it);
    } else if (place.paused) {
      channel_->GoOn(shards_[0], key, came_);
      Check(key, place);
      readers_[key].got.clear();
      place = {came_};
    } else if (what < 90) {
      channel_->CatchUp(shards_[0], key);
      Check(key, place);
      EXPECT_EQ(LastOf(key, place), came_);
    } else {
      const uint64_t offset = channel_->OffsetOf(shards_[0], key);
      channel_->Pause(shards_[0], key);
      Check(key, place);
      EXPECT_EQ(LastOf(key, place), offset) << "where the gap begins";
      place.paused = true;
    }
  }
  uint64_t LastOf(SessionKey key, const Place& place) {
    return readers_[key].got.empty() ? place.position : readers_[key].got.back();
  }
  void Check(SessionKey key, const Place& place) {
    uint64_t next = place.position;
    for (const uint64_t offset : readers_[key].got) ASSERT_EQ(offset, ++next) << key;
  }
  int Below(int n) { return static_cast<int>(random_() % n); }

  std::mt19937 random_{4711};
  std::map<SessionKey, Place> places_;
};

TEST_F(ChannelScheduleTest, EachGetsWhatFollowsOnWhatItHas) {
  for (int i = 0; i < 700; ++i) {
    Add(++last_key_);
    places_[last_key_] = {0};
  }
  for (int i = 0; i < 5000 && !HasFailure(); ++i) {
    shards_.RunOn(0, [this] { Operate(); });
    if (Below(3) > 0) shards_.Step(random_);
  }
  shards_.Run();
  for (const auto& [key, place] : places_) {
    Check(key, place);
    EXPECT_TRUE(place.paused || LastOf(key, place) == offset_) << key;
  }
}

}  // namespace
}  // namespace atrium
