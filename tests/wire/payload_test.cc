#include "server/wire/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace atrium {
namespace {

google::protobuf::Value Number(double number) {
  google::protobuf::Value value;
  value.set_number_value(number);
  return value;
}

TEST(PayloadTest, GivesTheSameValueInBothForms) {
  const std::string text = R"({"a":[1,2.5,"x",true,null,{}],"b":{"c":-1}})";
  const Payload payload = Payload::FromJson(*ParseJson(text));
  EXPECT_EQ(payload.Json(), text);
  EXPECT_EQ(*FromProtoValue(payload.ToValue()), *ParseJson(text));
  google::protobuf::Value parsed;
  ASSERT_TRUE(parsed.ParseFromString(payload.ValueBytes()));
  EXPECT_EQ(Payload::FromValue(parsed)->ToJsonValue(), *ParseJson(text));
}

TEST(PayloadTest, AnEmptyOneReadsAsNull) {
  EXPECT_TRUE(Payload().empty());
  EXPECT_EQ(Payload().Json(), "null");
  EXPECT_TRUE(Payload().ToValue().has_null_value());
}

TEST(PayloadTest, WritesIntegralDoublesAsIntegers) {
  EXPECT_EQ(Payload::FromValue(Number(3))->Json(), "3");
  EXPECT_EQ(Payload::FromValue(Number(-0.5))->Json(), "-0.5");
}

TEST(PayloadTest, RefusesValuesThatJsonCannotHold) {
  EXPECT_FALSE(Payload::FromValue(Number(std::nan(""))).ok());
  EXPECT_FALSE(Payload::FromValue(Number(std::numeric_limits<double>::infinity())).ok());
  EXPECT_FALSE(Payload::FromValue(google::protobuf::Value()).ok());
}

TEST(PayloadTest, LargeDoublesComeBackAsTheyWere) {
  for (const double number : {9007199254740994.0, 1152921504606846976.0, -1e300}) {
    const Payload payload = *Payload::FromValue(Number(number));
    EXPECT_EQ(ParseJson(payload.Json())->get_double(), number) << payload.Json();
  }
}

TEST(PayloadTest, RefusesDeepNesting) {
  google::protobuf::Value value;
  google::protobuf::Value* inner = &value;
  for (int i = 0; i < kMaxJsonDepth; ++i) inner = inner->mutable_list_value()->add_values();
  inner->mutable_list_value();
  EXPECT_FALSE(Payload::FromValue(value).ok());
  inner->set_bool_value(true);
  EXPECT_TRUE(Payload::FromValue(value).ok());
}

}  // namespace
}  // namespace atrium
