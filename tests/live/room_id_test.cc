#include "server/live/authoring/room_id.h"

#include <gtest/gtest.h>

#include <string>

#include "server/common/errors.h"

namespace atrium {
namespace {

TEST(RoomIdTest, AllowsLettersDigitsAndFourSigns) {
  for (const std::string& id : {std::string("geral"), std::string("chat:lobby"), std::string("a:b:c"),
                                std::string("A-b_c.9"), std::string("stats:x"), std::string(64, 'x')}) {
    EXPECT_TRUE(ValidateRoomId("roomId", id).ok()) << id;
  }
}

TEST(RoomIdTest, RefusesTheRestWithTheFixedText) {
  for (const std::string& id : {std::string(), std::string("a b"), std::string("a/b"), std::string("é"),
                                std::string("."), std::string(".."), std::string("stats"), std::string(65, 'x')}) {
    const absl::Status status = ValidateRoomId("roomId", id);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << id;
    EXPECT_EQ(status.message(),
              "Invalid room name. Must be 1-64 alphanumeric characters, hyphens, underscores, dots, or colons.");
    EXPECT_EQ(ErrorField(PrefixField("join", status)), "join.roomId");
  }
}

TEST(RoomIdTest, TheTypeStandsBeforeTheFirstColon) {
  EXPECT_EQ(TypePrefix("chat:lobby:x"), "chat");
  EXPECT_EQ(TypePrefix("chat"), "");
  EXPECT_EQ(TypePrefix(":x"), "");
}

}  // namespace
}  // namespace atrium
