#include "server/wire/value_size.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

std::string ListOf(absl::string_view element, int64_t count) {
  std::string list = "[";
  for (int64_t i = 0; i < count; ++i) absl::StrAppend(&list, i == 0 ? "" : ",", element);
  return list + "]";
}

void ExpectBounds(const std::string& text) {
  const json::value value = *ParseJson(text);
  const ValueSize size = SizeOf(value);
  EXPECT_EQ(size.json, static_cast<int64_t>(text.size())) << text;
  EXPECT_EQ(size, SizeOfJson(text)) << text;
  // As an element it has a tag and a length too.
  const auto proto = static_cast<int64_t>(ToProtoValue(value).ByteSizeLong());
  EXPECT_GT(size.proto, proto) << text;
  EXPECT_LE(size.proto, 6 * size.json + 5) << text;
}

TEST(ValueSizeTest, BoundsTheProtobufFormOfEveryValue) {
  for (const char* text : {"null", "true", "0", "-1.5e-07", R"("")", R"("a\"\\\n\u0001é😀")", "[]", "{}", "[1,1,1]",
                           R"({"":{},"a":[],"\u0002":[[[null]]],"b":"x:,]}","c:":"y"})"}) {
    ExpectBounds(text);
  }
  ExpectBounds(absl::StrCat("\"", std::string(20'000, 'x'), "\""));
  std::mt19937 random(8259);
  for (int i = 0; i < 20'000; ++i) ExpectBounds(ToJson(testing::RandomJson(random, 4)));
}

TEST(ValueSizeTest, DataFitWhereBothFormsDo) {
  const auto fits = [](std::string text) { return FitsMessages(Payload::FromText(std::move(text))); };
  EXPECT_TRUE(FitsMessages(Payload()));
  EXPECT_TRUE(fits(absl::StrCat("\"", std::string(kMaxDataBytes - 2, 'x'), "\"")));
  EXPECT_FALSE(fits(absl::StrCat("\"", std::string(kMaxDataBytes - 1, 'x'), "\"")));
  // Numbers take 11 bytes each as protobuf, and as little as two as JSON.
  EXPECT_TRUE(fits(ListOf("1", kMaxProtoBytes / 11 - 1)));
  EXPECT_FALSE(fits(ListOf("1", kMaxProtoBytes / 11)));
  EXPECT_FALSE(fits(ListOf("null", 1'000'000)));
}

}  // namespace
}  // namespace atrium
