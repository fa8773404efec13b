#include "server/access/room_pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using testing::HasSubstr;

bool Matches(const std::string& pattern, const std::string& room, bool typed = false) {
  const absl::StatusOr<RoomPattern> parsed = RoomPattern::Parse("room", pattern);
  EXPECT_THAT(parsed, IsOk()) << pattern;
  return parsed.ok() && parsed->Matches(room, typed);
}

TEST(RoomPatternTest, AnIdNamesThatRoomOnly) {
  EXPECT_TRUE(Matches("geral", "geral"));
  EXPECT_FALSE(Matches("geral", "geral2"));
  EXPECT_FALSE(Matches("geral", "gera"));
  EXPECT_FALSE(Matches("geral", "Geral"));
  EXPECT_FALSE(Matches("a.c", "abc"));
}

TEST(RoomPatternTest, AStarStandsForAnyEnd) {
  EXPECT_TRUE(Matches("game-*", "game-1"));
  EXPECT_TRUE(Matches("game-*", "game-"));
  EXPECT_FALSE(Matches("game-*", "game"));
  EXPECT_FALSE(Matches("game-*", "a-game-1"));
  EXPECT_TRUE(Matches("*", "geral"));
  EXPECT_TRUE(Matches("*", "a:b"));
}

TEST(RoomPatternTest, ATypedRoomIsNamedOnlyWithItsColon) {
  EXPECT_TRUE(Matches("chat:*", "chat:board", /*typed=*/true));
  EXPECT_TRUE(Matches("chat:b*", "chat:board", /*typed=*/true));
  EXPECT_TRUE(Matches("chat:board", "chat:board", /*typed=*/true));
  EXPECT_FALSE(Matches("chat*", "chat:board", /*typed=*/true));
  EXPECT_FALSE(Matches("*", "chat:board", /*typed=*/true));
  EXPECT_FALSE(Matches("chat:x*", "chat:board", /*typed=*/true));
  EXPECT_FALSE(Matches("chat:*", "chats:board", /*typed=*/true));
  // Of a type that is not registered it is a room as any other.
  EXPECT_TRUE(Matches("chat*", "chat:board"));
}

TEST(RoomPatternTest, ItIsKeptAsItWasWritten) {
  for (const std::string text : {"*", "a", "chat:*", "A-z_0.9:*"}) {
    EXPECT_EQ(RoomPattern::Parse("room", text)->text(), text);
  }
  EXPECT_THAT(RoomPattern::Parse("room", std::string(64, 'a')), IsOk());
  EXPECT_THAT(RoomPattern::Parse("room", absl::StrCat(std::string(63, 'a'), "*")), IsOk());
}

TEST(RoomPatternTest, OthersAreRefused) {
  const std::string nul("a\0b", 3);
  for (const std::string& text :
       {std::string(), std::string("**"), std::string("a**"), std::string("*a"), std::string("a*b"),
        std::string("a*b*"), std::string("a b"), std::string("a/b"), std::string("a\n"), std::string("olá"),
        std::string("a?"), nul, std::string(65, 'a'), absl::StrCat(std::string(64, 'a'), "*")}) {
    const absl::Status error = RoomPattern::Parse("rooms[1].room", text).status();
    EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be a room id"))) << text;
    EXPECT_EQ(ErrorField(error), "rooms[1].room");
  }
}

}  // namespace
}  // namespace atrium
