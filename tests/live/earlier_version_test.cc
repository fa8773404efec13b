// What earlier versions have written is read as they would read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <map>

#include "rooms/chat.pb.h"
#include "rooms/room_catalog.h"
#include "server/engine/embedded_log.h"
#include "server/live/authoring/room_password.h"
#include "server/live/rooms/restored_room.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"
#include "tests/support/room_world.h"
#include "tests/support/temp_directory.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kDen[] = "chat:den";
constexpr char kAside[] = "chat:aside";
constexpr char kAna[] = "s0-_mfl7mG8XMaL";
constexpr char kBo[] = "s1-o6-uyeXBXoWS";

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_THAT(RegisterRooms(registry), IsOk());
  EXPECT_THAT(StartPasswordHashing(), IsOk());
  return registry;
}

// The data directory of commit 9a31b0e, which wrote no join times.
class EarlierVersionTest : public ::testing::Test {
 protected:
  EarlierVersionTest() {
    const std::string copy = temp_.path() + "/data";
    std::filesystem::copy(ATRIUM_FIXTURES "/data-directory-1", copy, std::filesystem::copy_options::recursive);
    const auto log = OpenEmbeddedLog({.directory = copy});
    EXPECT_THAT(log, IsOk());
    std::promise<std::vector<StoredHead>> heads;
    (*log)->List("", 10, [&](auto listed) { heads.set_value(*std::move(listed)); });
    for (const StoredHead& head : heads.get_future().get()) {
      std::promise<StoredRoom> room;
      (*log)->Open(head.room_id, [&](auto opened) { room.set_value(**std::move(opened)); });
      stored_[head.room_id] = room.get_future().get();
      log_.Store(head.room_id, stored_[head.room_id], head.head);
    }
    log_.auto_complete = true;
  }

  RestoredRoom Restored(const std::string& id) {
    absl::StatusOr<RestoredRoom> restored = RestoreRoom(*registry_.TypeOf(id), stored_.at(id), {});
    EXPECT_THAT(restored, IsOk());
    return *std::move(restored);
  }

  static rooms::ChatState StateOf(const RestoredRoom& restored) {
    rooms::ChatState state;
    EXPECT_TRUE(state.ParseFromString(restored.behaviour->StateBytes()));
    return state;
  }

  const TempDirectory temp_;
  const RoomRegistry registry_ = Registry();
  std::map<std::string, StoredRoom> stored_;
  MemoryLog log_;
};

TEST_F(EarlierVersionTest, RoomsHaveTheirMembersStateHistoryAndAnswers) {
  ASSERT_EQ(stored_.size(), 2u);
  const RestoredRoom den = Restored(kDen);
  EXPECT_EQ(den.room.epoch(), "f26db300db8ba06");
  EXPECT_EQ(den.room.offset(), 9u);
  EXPECT_EQ(den.history.size(), 9u);
  ASSERT_EQ(den.room.members_size(), 2);
  EXPECT_EQ(den.room.members(0).id(), kAna);
  EXPECT_EQ(den.room.members(1).user_id(), "bo");
  EXPECT_FALSE(den.room.members(1).has_join_time());
  EXPECT_EQ(den.room.members(1).info(), R"({"username":"Bo"})");
  EXPECT_EQ(den.room.settings().metadata(), R"({"topic":"fixtures"})");
  ASSERT_EQ(den.room.answers_size(), 1);
  EXPECT_THAT(den.room.answers(0).key(), HasSubstr("k1"));
  v1::SendMessageResponse answer;
  ASSERT_TRUE(answer.ParseFromString(den.room.answers(0).response()));
  EXPECT_EQ(answer.message().text(), "once");
  const rooms::ChatState state = StateOf(den);
  ASSERT_EQ(state.messages_size(), 2);
  EXPECT_EQ(state.messages(0).id(), answer.message().id());
  EXPECT_EQ(state.name(), "The den");

  EXPECT_NE(stored_.at(kAside).snapshot_sequence, 0u);
  const RestoredRoom aside = Restored(kAside);
  EXPECT_EQ(aside.room.answers_size(), 3);
  EXPECT_EQ(StateOf(aside).messages(3).text(), "behind the snapshot");
  EXPECT_EQ(aside.history.size(), 8u);
}

TEST_F(EarlierVersionTest, RoomsGoOnAndMembersWithoutAJoinTimeHaveTheRooms) {
  RoomWorld::Settings settings = Storing(log_);
  settings.rooms.history.age = absl::ZeroDuration();
  settings.rooms.durable_ttl = absl::ZeroDuration();
  RoomWorld world(Registry(), settings);
  EXPECT_THAT(world.State(kAside), HasSubstr("behind the snapshot"));
  EXPECT_THAT(world.State(kDen), HasSubstr(R"("text":"twice")"));
  EXPECT_THAT(world.Metadata(kDen), HasSubstr(R"("topic":"fixtures")"));

  std::map<std::string, v1::Member> left;
  world.With(kDen, [&](Room* room) {
    v1::Position since = room->position();
    EXPECT_EQ(since.epoch(), "f26db300db8ba06");
    since.set_offset(4);
    const auto frames = room->GetHistory(since, 100);
    ASSERT_THAT(frames, IsOk());
    EXPECT_EQ(DecodeServerFrame(*frames->at(4)).event().event(), "note");
    for (const FramePtr& frame : *frames) {
      const v1::ServerFrame decoded = DecodeServerFrame(*frame);
      for (const v1::Departure& gone : decoded.member().left()) left[gone.member().id()] = gone.member();
    }
  });
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(FromTimestamp(left[kAna].join_time()), absl::FromUnixMillis(Restored(kDen).room.create_time()));
  EXPECT_EQ(left[kBo].info().fields().at("username").string_value(), "Bo");

  EXPECT_THAT(world.Connect("cy").Join(kDen, {.payload = R"({"password":"guess"})"}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(world.Connect("dee").Join(kDen, {.payload = R"({"password":"s3cret"})"}), IsOk());
}

}  // namespace
}  // namespace atrium::testing
