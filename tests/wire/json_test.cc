#include "server/wire/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "server/common/errors.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;

std::string RoundTrip(absl::string_view text) {
  const absl::StatusOr<json::value> value = ParseJson(text);
  return value.ok() ? ToJson(*value) : std::string(value.status().message());
}

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonTest, WritesWhatItReadInCanonicalForm) {
  EXPECT_EQ(RoundTrip(R"( { "b" : [ 1 , true , null ] , "a" : "x" } )"), R"({"b":[1,true,null],"a":"x"})");
  EXPECT_EQ(RoundTrip("[]"), "[]");
  EXPECT_EQ(RoundTrip("{}"), "{}");
}

TEST(JsonTest, WritesNumbersShortestForm) {
  EXPECT_EQ(RoundTrip("[1.50,0.1,1e3,1.0,-0.0,1e300,2.5e-7]"), "[1.5,0.1,1000,1,0,1e+300,2.5e-07]");
  EXPECT_EQ(RoundTrip("[-0,-0.0,-0e-144]"), "[0,0,0]");
}

TEST(JsonTest, ReadsTheNearestDouble) {
  for (const char* text : {"28888888888880000000000000000701560304.5", "0.1", "1.7976931348623157e308", "5e-324",
                           "9007199254740993.5", "123456789.123456789", "1e-400"}) {
    const json::value value = *ParseJson(text);
    EXPECT_EQ(value.to_number<double>(), std::strtod(text, nullptr)) << text;
    EXPECT_EQ(RoundTrip(ToJson(value)), ToJson(value)) << text;
  }
}

TEST(JsonTest, KeepsIntegersUpTo2To53AndRefusesThoseBeyond) {
  EXPECT_EQ(RoundTrip("[9007199254740992,-9007199254740992]"), "[9007199254740992,-9007199254740992]");
  for (const char* text :
       {"9007199254740993", "-9007199254740993", "18446744073709551615", "123456789012345678901234567890", "1e999"}) {
    EXPECT_THAT(RoundTrip(text), HasSubstr("2^53")) << text;
  }
}

// ECMA-262 Number::toString: what any program writes of a double comes back, and nothing is falsified.
TEST(JsonTest, TakesLargeIntegersThatAreTheirShortestForm) {
  for (const char* text :
       {"9007199254740994", "1790000000000000000", "-1790000000000000000", "18446744073709552000",
        "1152921504606847000", "123456789012345680000", "1000000000000000000000", "100000000000000000000000"}) {
    const absl::StatusOr<json::value> value = ParseJson(text);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(value->get_double(), std::strtod(text, nullptr)) << text;
    EXPECT_EQ(*ParseJson(ToJson(*value)), *value) << text;
  }
  for (const char* text : {"9007199254740993", "-9007199254740993", "18446744073709551616", "1152921504606846976",
                           "1790000000000000001", "9223372036854775807", "17900000000000000001"}) {
    EXPECT_THAT(RoundTrip(text), HasSubstr("2^53")) << text;
  }
  const absl::StatusOr<json::value> inner = ParseJson(R"({"a":{"b":[0,9007199254740993]}})");
  EXPECT_EQ(ErrorField(inner.status()), "a.b[1]") << inner.status();
}

TEST(JsonTest, EscapesOnlyWhatMustBe) {
  EXPECT_EQ(RoundTrip(R"(["\"\\\/\b\f\n\r\t\u0001\u00e9\ud83d\ude00"])"), "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001é😀\"]");
}

TEST(JsonTest, EscapesAtAnyPlaceInAText) {
  for (size_t at = 0; at < 20; ++at) {
    for (int c = 0; c < 128; ++c) {
      std::string text = std::string(at, 'x') + static_cast<char>(c) + "\u00e9 and more";
      std::string quoted;
      AppendJsonString(quoted, text);
      const bool plain = c >= 0x20 && c != '"' && c != '\\';
      EXPECT_EQ(quoted == "\"" + text + "\"", plain) << c << " at " << at;
      EXPECT_EQ(*ParseJson(quoted), json::value(json::string_view(text))) << c << " at " << at;
    }
  }
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", "{", "[1,]", "nul", "{\"a\":1,}", "1 2", "'a'", "[NaN]", "\"\xff\"", "\"\\ud800\"", "01"}) {
    const absl::StatusOr<json::value> value = ParseJson(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(value.status()), "INVALID_JSON");
    EXPECT_THAT(std::string(value.status().message()), HasSubstr("at byte"));
  }
}

TEST(JsonTest, KnowsANumber) {
  for (const char* text :
       {"0", "-0", "7", "-10", "0.5", "10.050", "1e5", "1E5", "1e+05", "-2.5e-07", "1e400", "9007199254740993"}) {
    EXPECT_TRUE(IsJsonNumber(text)) << text;
  }
  for (const char* text :
       {"",    "-",     "+7",  "--7",   "00",  "007", "-01", "7.", ".7",  "-.7", "1.e5",      "e5",   "1e",
        "1e+", "1e+-5", "0x7", "1_000", "1,5", "7f",  " 7",  "7 ", "NaN", "inf", "-Infinity", "1e5.0"}) {
    EXPECT_FALSE(IsJsonNumber(text)) << text;
  }
}

TEST(JsonTest, NestsThirtyTwoDeepAndNoDeeper) {
  EXPECT_EQ(RoundTrip(Nested(kMaxJsonDepth)), Nested(kMaxJsonDepth));
  EXPECT_EQ(RoundTrip(Nested(kMaxJsonDepth + 1)), "JSON nesting too deep (max 32)");
  EXPECT_FALSE(ParseJson(std::string(100'000, '[')).ok());
}

TEST(JsonTest, ADocumentHasRoomAroundAValueOfThirtyTwoLevels) {
  EXPECT_TRUE(ParseJson(Nested(kMaxDocumentDepth), kMaxDocumentDepth).ok());
  EXPECT_EQ(ParseJson(Nested(kMaxDocumentDepth + 1), kMaxDocumentDepth).status().message(),
            "JSON nesting too deep (max 32)");
}

TEST(JsonTest, KnowsWhatNestsDeeper) {
  EXPECT_FALSE(NestsDeeper(*ParseJson("1"), 0));
  EXPECT_TRUE(NestsDeeper(*ParseJson("[]"), 0));
  EXPECT_TRUE(NestsDeeper(*ParseJson("{}"), 0));
  EXPECT_FALSE(NestsDeeper(*ParseJson(R"({"a":[1],"b":{}})"), 2));
  EXPECT_TRUE(NestsDeeper(*ParseJson(R"({"a":1,"b":[2,{"c":3}]})"), 2));
  EXPECT_FALSE(NestsDeeper(*ParseJson(Nested(kMaxJsonDepth), kMaxDocumentDepth)));
  EXPECT_TRUE(NestsDeeper(*ParseJson(Nested(kMaxJsonDepth + 1), kMaxDocumentDepth)));
}

TEST(JsonTest, KnowsTheSizeWithoutWriting) {
  for (const char* text : {"null", "[]", "{}", "[1,2.5,-0.0]", R"({"a\n":{"b":["x\u0001\"",true,false]},"c":{}})"}) {
    const json::value value = *ParseJson(text);
    EXPECT_EQ(JsonSize(value), ToJson(value).size()) << text;
  }
}

}  // namespace
}  // namespace atrium
