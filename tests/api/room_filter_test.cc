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

// A room whose id, and whose metadata `text`, are that text.
v1::Room RoomWithText(const std::string& text) {
  v1::Room room;
  room.set_id(text);
  (*room.mutable_metadata()->mutable_fields())["text"].set_string_value(text);
  return room;
}

v1::Room RoomWithNumber(double number) {
  v1::Room room;
  (*room.mutable_metadata()->mutable_fields())["n"].set_number_value(number);
  return room;
}

// Fails the test, and is false, if the filter is none.
bool Matches(const std::string& text, const v1::Room& room) {
  const absl::StatusOr<RoomFilter> filter = ParseRoomFilter(text);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status();
  return filter.ok() && filter->matches(room);
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

TEST(RoomFilterTest, ComparesTextsWithLiteralsAsTheyAreWritten) {
  for (const std::string text : {"123", "007", "7", "true", "false", "1e3", "-5", "+5", "0x10", "1.50", "nan", "inf",
                                 "null", "9007199254740993", "1e400", "AND", "NOT"}) {
    const v1::Room room = RoomWithText(text);
    for (const std::string field : {"id", "metadata.text"}) {
      for (const std::string& literal : {text, "\"" + text + "\"", "'" + text + "'"}) {
        EXPECT_TRUE(Matches(field + " = " + literal, room)) << field << literal;
        EXPECT_FALSE(Matches(field + " != " + literal, room)) << field << literal;
        EXPECT_TRUE(Matches(field + " >= " + literal, room)) << field << literal;
        EXPECT_FALSE(Matches(field + " < " + literal, room)) << field << literal;
      }
      EXPECT_FALSE(Matches(field + " = 0" + text, room)) << text;
      EXPECT_TRUE(Matches(field + " != 0" + text, room)) << text;
    }
  }
  EXPECT_FALSE(Matches("id = 7", RoomWithText("007")));
  EXPECT_FALSE(Matches("id = 1000", RoomWithText("1e3")));
  EXPECT_TRUE(Matches("type = ''", RoomWithText("untyped")));
}

TEST(RoomFilterTest, OrdersTextsByTheirBytes) {
  EXPECT_TRUE(Matches("id < 9", RoomWithText("10")));
  EXPECT_TRUE(Matches("id > Z", RoomWithText("a")));
  EXPECT_TRUE(Matches("id > z", RoomWithText("\u00e9")));
  EXPECT_TRUE(Matches("metadata.text < 9", RoomWithText("10")));
}

TEST(RoomFilterTest, ComparesNumbersAsNumbers) {
  for (const char* text : {"member_count = 3", "member_count = 3.0", "member_count = 3e+0", "max_members > -0",
                           "member_count = 0.3e1", "member_count > -1", "member_count != -3",
                           "member_count < 2147483647", "member_count > -2147483648", "max_members = 1e2"}) {
    EXPECT_TRUE(Matches(text, MakeRoom())) << text;
  }
}

TEST(RoomFilterTest, ComparesMetadataByTheTypeThatTheRoomHas) {
  for (const char* text :
       {"metadata.level = 7", "metadata.level != 007", "metadata.level = 7.0", "metadata.level = 0.7e1",
        "metadata.level > -7", "metadata.level < 1e400", "metadata.level != '7'", "metadata.level != seven",
        "metadata.ranked = true", "metadata.ranked != false", "metadata.ranked != 'true'", "metadata.ranked != 1"}) {
    EXPECT_TRUE(Matches(text, MakeRoom())) << text;
  }
  for (const char* text :
       {"metadata.level = '7'", "metadata.level = seven", "metadata.level < seven", "metadata.level > seven",
        "metadata.level > inf", "metadata.level = 1e400", "metadata.ranked = 'true'", "metadata.ranked = TRUE",
        "metadata.ranked = 1", "metadata.ranked > false", "metadata.map = true", "metadata.map = 0"}) {
    EXPECT_FALSE(Matches(text, MakeRoom())) << text;
  }
}

// RFC 8259 section 6. A text may look like it all the same.
TEST(RoomFilterTest, TakesForNumbersOnlyThoseOfJson) {
  for (const std::string literal :
       {"0x7", "0X7",   "0x0", "+0",  "+7",  "007",  "00",       "-07",   "7.", ".7",  "7e",
        "7e+", "1_000", "NaN", "nan", "inf", "-inf", "Infinity", "0b111", "7f", "--7", "-"}) {
    const absl::Status status = ParseRoomFilter("locked = true AND member_count < " + literal).status();
    EXPECT_EQ(status.message(), "filter: expected a whole number of 32 bits, without quotes, at byte 33") << literal;
    for (const double number : {0.0, 7.0, 0.7, 1000.0, 1.0}) {
      for (const char* const relation : {" = ", " < ", " <= ", " > ", " >= "}) {
        EXPECT_FALSE(Matches("metadata.n" + (relation + literal), RoomWithNumber(number))) << relation << literal;
      }
      EXPECT_TRUE(Matches("metadata.n != " + literal, RoomWithNumber(number))) << literal;
    }
    EXPECT_TRUE(Matches("metadata.text = " + literal, RoomWithText(literal))) << literal;
  }
}

TEST(RoomFilterTest, EqualsOnlyTheNumberThatIsWritten) {
  EXPECT_TRUE(Matches("metadata.n = 9007199254740992", RoomWithNumber(9007199254740992)));
  EXPECT_FALSE(Matches("metadata.n = 9007199254740993", RoomWithNumber(9007199254740992)));
  EXPECT_TRUE(Matches("metadata.n != 9007199254740993", RoomWithNumber(9007199254740992)));
  EXPECT_TRUE(Matches("metadata.n = 1790000000000000000", RoomWithNumber(1.79e18)));
  EXPECT_TRUE(Matches("metadata.n = 0.1", RoomWithNumber(0.1)));
  EXPECT_TRUE(Matches("metadata.n = 0.10", RoomWithNumber(0.1)));
  EXPECT_TRUE(Matches("metadata.n = -0", RoomWithNumber(0)));
  EXPECT_TRUE(Matches("metadata.n = 5e-324", RoomWithNumber(5e-324)));
  EXPECT_FALSE(Matches("metadata.n = 1e-400", RoomWithNumber(0)));
}

TEST(RoomFilterTest, FindsMetadataByAnyKey) {
  v1::Room room;
  auto& fields = *room.mutable_metadata()->mutable_fields();
  for (const char* key : {"my-key", "my key", "a.b", "", "\"", "\\", "\u00fc", "AND", "1", "a:b"}) {
    fields[key].set_bool_value(true);
  }
  auto& nested = *fields["outer"].mutable_struct_value()->mutable_fields();
  nested["inner"].set_number_value(5);
  nested["x.y"].set_string_value("deep");
  fields["list"].mutable_list_value()->add_values()->set_number_value(1);
  fields["none"].set_null_value(google::protobuf::NULL_VALUE);
  for (const char* text :
       {"metadata.my-key = true", "metadata.\"my-key\" = true", "metadata.'my key' = true", "metadata.\"a.b\" = true",
        "metadata.\"\" = true", R"(metadata."\"" = true)", R"(metadata.'"' = true)", R"(metadata."\\" = true)",
        "metadata.\u00fc = true", "metadata.AND = true", "metadata.1 = true", "metadata.a:b = true",
        "metadata.outer.inner = 5", "metadata.'outer'.\"inner\" > 4", "metadata.outer.'x.y' = deep",
        "-metadata.outer.inner = 6", "NOT metadata.\"my key\" = false"}) {
    EXPECT_TRUE(Matches(text, room)) << text;
  }
  // What is not there, or has no value to compare, is in no relation.
  for (const char* field : {"metadata.a.b", "metadata.outer", "metadata.outer.inner.more", "metadata.list",
                            "metadata.list.0", "metadata.none", "metadata.absent"}) {
    for (const char* rest : {" = 1", " != 1", " < 1", " >= 1", " = null", " != ''"}) {
      EXPECT_FALSE(Matches(std::string(field) + rest, room)) << field << rest;
    }
    EXPECT_TRUE(Matches(std::string("NOT ") + field + " = 1", room)) << field;
  }
}

TEST(RoomFilterTest, TakesAnyCharacterInQuotes) {
  EXPECT_TRUE(Matches(R"(id = "a\"b")", RoomWithText("a\"b")));
  EXPECT_TRUE(Matches(R"(id = 'a"b\'c')", RoomWithText("a\"b'c")));
  EXPECT_TRUE(Matches(R"(id = "a\\")", RoomWithText("a\\")));
  EXPECT_TRUE(Matches(R"(id = "a\n")", RoomWithText("an")));
  EXPECT_TRUE(Matches("id = \") AND (\"", RoomWithText(") AND (")));
}

TEST(RoomFilterTest, BindsNegationThenOrThenAnd) {
  const v1::Room room = MakeRoom();
  EXPECT_TRUE(Matches("NOT type = counter OR type = chat", room));
  EXPECT_FALSE(Matches("NOT (type = counter OR type = chat)", room));
  EXPECT_FALSE(Matches("-(type = chat) AND locked = true", room));
  EXPECT_FALSE(Matches("type = chat AND type = counter OR type = poll", room));
  EXPECT_TRUE(Matches("type = chat OR type = counter AND locked = true", room));
  EXPECT_TRUE(Matches("NOT(type=counter)AND(locked=true)", room));
}

TEST(RoomFilterTest, IsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '(') + "locked = true" + std::string(depth, ')'); };
  EXPECT_TRUE(Matches(nested(32), MakeRoom()));
  EXPECT_EQ(ParseRoomFilter(nested(33)).status().message(), "filter: too many parentheses at byte 33");
  std::string many = "id=x";
  while (many.size() + 8 <= 1000) many += " OR id=x";
  EXPECT_FALSE(Matches(many, MakeRoom()));
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
      {"member_count = \"0\"", "expected a whole number of 32 bits, without quotes, at byte 15"},
      {"locked = true AND member_count > abc", "expected a whole number of 32 bits, without quotes, at byte 33"},
      {"max_members < 1e400", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members < 9007199254740993", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members < 2147483648", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members < 2.5", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members < 1e-400", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members = true", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members = nan", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"max_members = 0x10", "expected a whole number of 32 bits, without quotes, at byte 14"},
      {"locked = 1", "expected true or false, without quotes, at byte 9"},
      {"locked = TRUE", "expected true or false, without quotes, at byte 9"},
      {"NOT (unlisted != \"true\")", "expected true or false, without quotes, at byte 17"},
      {"locked > false", "expected one of = != at byte 7"},
      {"metadata = x", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 0"},
      {"id.x = 1", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 0"},
      {"\"id\" = x", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 0"},
      {"--locked = true", "expected id, type, member_count, max_members, locked, unlisted or metadata.KEY at byte 1"},
      {"metadata. = 1", "expected a key at byte 9"},
      {"metadata.a..b = 1", "expected a key at byte 11"},
      {"metadata.\"a = 1", "expected the end of the quoted text at byte 9"},
      {"metadata.my key = 1", "expected one of = != < <= > >= at byte 12"},
      {"type = chat or type = counter", "expected AND, OR or the end at byte 12"},
      {"id = \"x\\", "expected the end of the quoted text at byte 5"},
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
