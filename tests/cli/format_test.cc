#include "client-sdk/cli/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "client-sdk/cli/json.h"
#include "client-sdk/cli/verify/json_patch.h"
#include "tests/cli/story.h"

namespace atrium::cli {
namespace {

using testing::HasSubstr;

TEST(FormatTest, AFrameIsOneLine) {
  EXPECT_EQ(Text(*verify::EventAt(4, "hello", "s0-1"), "e1"), R"(e1:4 event note "hello" from s0-1)");
  EXPECT_EQ(Text(*verify::PatchAt(5, "replace", "/a/b", R"({"c": [1, null]})"), "e1"),
            R"(e1:5 patch replace /a/b {"c":[1,null]})");
  EXPECT_EQ(Text(*verify::PatchAt(5, "remove", "/a", ""), "e1"), "e1:5 patch remove /a");
  EXPECT_EQ(Text(*verify::PatchAt(5, "replace", "", "{}"), "e1"), "e1:5 patch replace everything {}");

  v1::ServerFrame members;
  members.mutable_member()->set_offset(6);
  members.mutable_member()->set_count(2);
  members.mutable_member()->add_joined()->set_id("s0-1");
  members.mutable_member()->mutable_joined(0)->set_user_id("ana");
  members.mutable_member()->add_left()->mutable_member()->set_id("s0-2");
  EXPECT_EQ(Text(members, "e1"), "e1:6 member +s0-1 (ana), -s0-2, count 2");

  // A volatile event has no place.
  EXPECT_EQ(Text(*verify::EventAt(0, "now"), "e1"), R"(- event note "now")");
}

TEST(FormatTest, APositionIsReadAsItIsPrinted) {
  v1::Position position;
  position.set_epoch("24a9:b");
  position.set_offset(7);
  const absl::StatusOr<v1::Position> read = ReadPosition("--since", Text(position));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->epoch(), "24a9:b");
  EXPECT_EQ(read->offset(), 7u);
  for (const char* const bad : {"", "7", ":7", "e1:", "e1:x", "e1:-1"}) {
    EXPECT_THAT(ReadPosition("--since", bad).status().message(), HasSubstr("--since must be a position")) << bad;
  }
}

TEST(FormatTest, RoomsAreATable) {
  v1::ListRoomsResponse rooms;
  EXPECT_EQ(Text(rooms), "no rooms\n");
  v1::Room& chat = *rooms.add_rooms();
  chat.set_id("chat:geral");
  chat.set_type("chat");
  chat.set_member_count(2);
  chat.set_max_members(100);
  rooms.add_rooms()->set_id("a");
  const std::string text = Text(rooms);
  EXPECT_THAT(text, HasSubstr("\nchat:geral  chat  2/100    1970-01-01 00:00:00"));
  EXPECT_THAT(text, HasSubstr("\na           -     0  "));
}

TEST(JsonTest, ValuesGoThereAndBack) {
  const std::string text = R"({"a":[1,2.5,"x",null,true],"b":{"c":{}}})";
  const auto value = ReadJson("it", text);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(FromProto(*value), json::parse(R"({"a":[1.0,2.5,"x",null,true],"b":{"c":{}}})"));
  EXPECT_THAT(ReadJson("the data", "{x").status().message(), HasSubstr("the data is not JSON"));
}

std::string Patched(const std::string& state, const std::string& op, const std::string& path,
                    const std::string& value = "") {
  json::value copy = json::parse(state);
  const absl::Status status = verify::ApplyPatch(verify::PatchAt(1, op, path, value)->patch().operations(), copy);
  return status.ok() ? json::serialize(copy) : std::string(status.message());
}

TEST(JsonPatchTest, AppliesTheThreeOperations) {
  EXPECT_EQ(Patched(R"({"a":"x"})", "add", "/b", R"("y")"), R"({"a":"x","b":"y"})");
  EXPECT_EQ(Patched(R"({"a":"x"})", "replace", "/a", R"("y")"), R"({"a":"y"})");
  EXPECT_EQ(Patched(R"({"a":"x"})", "remove", "/a"), "{}");
  EXPECT_EQ(Patched(R"({"a":"x"})", "replace", "", R"(["z"])"), R"(["z"])");
  EXPECT_EQ(Patched(R"(["a","c"])", "add", "/1", R"("b")"), R"(["a","b","c"])");
  EXPECT_EQ(Patched(R"(["a"])", "add", "/-", R"("b")"), R"(["a","b"])");
  EXPECT_EQ(Patched(R"(["a","b"])", "remove", "/0"), R"(["b"])");
  EXPECT_EQ(Patched(R"({"a/b":{"~":["x"]}})", "replace", "/a~1b/~0/0", R"("y")"), R"({"a/b":{"~":["y"]}})");
}

TEST(JsonPatchTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Patched("{}", "replace", "/a", "1"), HasSubstr("nothing to replace at '/a'"));
  EXPECT_THAT(Patched("{}", "remove", "/a"), HasSubstr("nothing to remove"));
  EXPECT_THAT(Patched("{}", "add", "/a/b", "1"), HasSubstr("nothing to add"));
  EXPECT_THAT(Patched("[1]", "add", "/2", "1"), HasSubstr("nothing to add"));
  EXPECT_THAT(Patched("[1]", "remove", "/-"), HasSubstr("nothing to remove"));
  EXPECT_THAT(Patched("[1]", "remove", "/x"), HasSubstr("nothing to remove"));
  EXPECT_THAT(Patched("{}", "move", "/a", "1"), HasSubstr("nothing to move"));
}

}  // namespace
}  // namespace atrium::cli
