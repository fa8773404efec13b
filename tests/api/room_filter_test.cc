#include "server/api/room_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/common/errors.h"

namespace atrium {
namespace {

v1::Room MakeRoom() {
  v1::Room room;
  room.set_id("chat:lobby");
  room.set_type("chat");
  room.set_member_count(3);
  room.set_max_members(100);
  room.set_locked(true);
  (*room.mutable_metadata()->mutable_fields())["map"].set_string_value("dust 2");
  (*room.mutable_metadata()->mutable_fields())["level"].set_number_value(7);
  (*room.mutable_metadata()->mutable_fields())["ranked"].set_bool_value(true);
  return room;
}

TEST(RoomFilterTest, MatchesByEachFieldAndOperator) {
  for (const char* text : {"",
                           "  ",
                           "type = chat",
                           "type=\"chat\"",
                           "id = chat:lobby",
                           "id != geral",
                           "member_count > 2",
                           "member_count >= 3",
                           "member_count < 4",
                           "member_count <= 3",
                           "max_members = 100",
                           "locked = true",
                           "unlisted = false",
                           "metadata.map = 'dust 2'",
                           "metadata.level > 6.5",
                           "metadata.ranked = true",
                           "NOT type = counter",
                           "-type = counter",
                           "type = chat AND member_count = 3",
                           "type = counter OR type = chat",
                           "type = chat AND member_count = 9 OR locked = true",
                           "(type = counter OR locked = true) AND member_count < 10"}) {
    const absl::StatusOr<RoomFilter> filter = ParseRoomFilter(text);
    ASSERT_TRUE(filter.ok()) << text << ": " << filter.status();
    EXPECT_TRUE(filter->matches(MakeRoom())) << text;
  }
}

TEST(RoomFilterTest, LeavesOutWhatDoesNotMatch) {
  for (const char* text :
       {"type = counter", "member_count > 3", "NOT locked = true", "metadata.absent = 1", "metadata.absent != 1",
        "metadata.level = '7'", "type = chat AND member_count = 9", "type < 3",
        // OR binds tighter than AND.
        "type = chat OR type = counter AND locked = false"}) {
    const absl::StatusOr<RoomFilter> filter = ParseRoomFilter(text);
    ASSERT_TRUE(filter.ok()) << text << ": " << filter.status();
    EXPECT_FALSE(filter->matches(MakeRoom())) << text;
  }
}

TEST(RoomFilterTest, KnowsWhetherUnlistedRoomsAreMeant) {
  EXPECT_TRUE(ParseRoomFilter("unlisted = true")->names_unlisted);
  EXPECT_FALSE(ParseRoomFilter("type = unlisted")->names_unlisted);
}

TEST(RoomFilterTest, SaysWhereItGoesWrong) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"typ = chat", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 0"},
      {"type chat", "expected one of = != < <= > >= at byte 5"},
      {"type =", "expected a value at byte 6"},
      {"type = \"chat", "expected the end of the quoted text at byte 7"},
      {"type = chat )", "expected AND, OR or the end at byte 12"},
      {"(type = chat", "expected ) at byte 12"},
      {"type = chat AND", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 15"},
  };
  for (const auto& c : cases) {
    const absl::Status status = ParseRoomFilter(c.text).status();
    EXPECT_EQ(ErrorField(status), "filter") << c.text;
    EXPECT_EQ(status.message(), std::string("filter: ") + c.message) << c.text;
  }
  EXPECT_FALSE(ParseRoomFilter(std::string(1001, 'x')).ok());
  EXPECT_FALSE(ParseRoomFilter(std::string(500, '(')).ok());
}

}  // namespace
}  // namespace atrium
