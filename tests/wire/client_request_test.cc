#include "server/wire/client_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/wire/plain_json.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;

TEST(ClientRequestTest, ReadsARequestWithItsPayloadBeside) {
  const ClientRequest request =
      DecodeJsonFrame(R"({"id":3,"emit":{"roomId":"r","event":"e","data":[1.0,2],"includeSelf":true}})");
  ASSERT_TRUE(request.status.ok()) << request.status;
  EXPECT_EQ(request.id, 3u);
  EXPECT_EQ(request.frame.emit().room_id(), "r");
  EXPECT_TRUE(request.frame.emit().include_self());
  EXPECT_FALSE(request.frame.emit().has_data());
  EXPECT_EQ(request.payload.Json(), "[1,2]");

  v1::ClientFrame frame;
  frame.set_id(4);
  frame.mutable_emit()->mutable_data()->set_bool_value(true);
  const ClientRequest proto = DecodeProtoFrame(frame.SerializeAsString());
  ASSERT_TRUE(proto.status.ok());
  EXPECT_EQ(proto.payload.Json(), "true");
}

TEST(ClientRequestTest, ErrorsNameTheFieldAndKeepTheId) {
  const struct {
    const char* text;
    uint32_t id;
    const char* field;
  } cases[] = {
      {R"({"id":5,"emit":{"roomId":5}})", 5, "emit.roomId"},
      {R"({"emit":{"rom":"r"},"id":6})", 6, "emit.rom"},
      {R"({"id":7,"emti":{}})", 7, "emti"},
      {R"({"id":8})", 8, "frame"},
      {R"({"id":9,"emit":{},"join":{}})", 9, "join"},
      {R"({"id":-1,"join":{}})", 0, "id"},
      {"[]", 0, "frame"},
  };
  for (const auto& c : cases) {
    const ClientRequest request = DecodeJsonFrame(c.text);
    EXPECT_EQ(request.status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_EQ(request.id, c.id) << c.text;
    EXPECT_EQ(ErrorField(request.status), c.field) << request.status;
  }
  EXPECT_FALSE(DecodeProtoFrame("\xff\xff").status.ok());
}

// White space, which is never plain, makes it go the long way.
TEST(ClientRequestTest, APlainFrameIsReadAsAnyOther) {
  for (const char* const text : {
           R"({"id":3,"emit":{"roomId":"r","event":"e","data":"hi","includeSelf":true,"volatile":false}})",
           R"({"emit":{"room_id":"r","data":{"x":[1,-20,null,{"y":"\u007f","z":{}}],"":[]},"event":"Ã©"},"id":0})",
           R"({"emit":{"data":{"a":1,"a":2},"event":"e","roomId":"r"}})",
           R"({"emit":{"data":null}})",
           R"({"emit":{"data":-0}})",
           R"({"emit":{"data":[1.50,1e3,-0.0]}})",
           R"({"emit":{"data":123456789012345}})",
           R"({"emit":{"data":1234567890123456}})",
           R"({"emit":{"data":"a\nb"}})",
           R"({"emit":{"data":[[[[[[[[[[[1]]]]]]]]]]]}})",
           R"({"emit":{"roomId":null,"exclude":["a"],"to":[]}})",
           R"({"emit":{},"emit":{"event":"e"}})",
           R"({"id":4294967295,"call":{"roomId":"r","method":"m","args":{"n":1}}})",
           R"({"id":"7","call":{"componentId":"c","method":"m"}})",
           R"({"hello":{"client":"c","resume":{}}})",
           R"({"join":{"roomId":"r","since":{"epoch":"e","offset":"3"},"initialState":{"a":1}}})",
           R"({"setState":{"roomId":"r","state":{"a":1}}})",
       }) {
    const ClientRequest request = DecodeJsonFrame(text);
    const ClientRequest the_long_way = DecodeJsonFrame(absl::StrCat(" ", text));
    EXPECT_EQ(request.status, the_long_way.status) << text;
    EXPECT_EQ(request.id, the_long_way.id) << text;
    EXPECT_EQ(request.frame.SerializeAsString(), the_long_way.frame.SerializeAsString()) << text;
    EXPECT_EQ(request.payload.empty(), the_long_way.payload.empty()) << text;
    EXPECT_EQ(request.payload.Json(), the_long_way.payload.Json()) << text;
  }
}

TEST(ClientRequestTest, WhatIsNotPlainIsRefusedAsEver) {
  for (const char* const text : {
           "",
           "{",
           "{}",
           R"({"id":1})",
           R"({"id":1,"id":2})",
           R"({"id":4294967296,"emit":{}})",
           R"({"id":01,"emit":{}})",
           R"({"emit":{}}})",
           R"({"emit":{},})",
           R"({"emit":{},"join":{}})",
           R"({"emit":{"roomId":1}})",
           R"({"emit":{"roomId":"r","room_id":"r"}})",
           R"({"emit":{"includeSelf":"true"}})",
           R"({"emit":{"what":1}})",
           R"({"emit":{"data":tru}})",
           R"({"emit":{"data":"a)",
           R"({"call":{"roomId":"r","componentId":"c"}})",
           "{\"emit\":{\"event\":\"\xff\"}}",
           "{\"emit\":{\"event\":\"\n\"}}",
       }) {
    const ClientRequest request = DecodeJsonFrame(text);
    EXPECT_FALSE(request.status.ok()) << text;
    EXPECT_EQ(request.status.code(), DecodeJsonFrame(absl::StrCat(" ", text)).status.code()) << text;
  }
}

// What is taken as plain, and what is left of it to others.
TEST(PlainJsonTest, TakesWhatIsItsOwnCanonicalForm) {
  for (const char* const text : {"null", "true", "0", "-1", "123456789012345", R"("")", R"("geral")", "\"\xc3\xa9\"",
                                 "[]", "{}", R"([1,"a",[true,false],{"b":{}}])", R"({"a":1,"b":[]})"}) {
    PlainJson json(text);
    EXPECT_EQ(json.TakeValue(8), absl::string_view(text));
    EXPECT_TRUE(json.empty()) << text;
  }
  for (const char* const text : {"", " 1", "-", "-0", "01", "1234567890123456", R"("a)", R"("a\n")", "\"a\n\"", "[1,]",
                                 "[1 ]", R"({"a":1,"a":2})", R"({"a" :1})", "{1:1}", "nul", "[[[[[[[[[]]]]]]]]]"}) {
    EXPECT_EQ(PlainJson(text).TakeValue(8), absl::nullopt) << text;
  }
  PlainJson fraction("1.5");
  EXPECT_EQ(fraction.TakeValue(8), absl::string_view("1"));
  EXPECT_FALSE(fraction.empty());
}

}  // namespace
}  // namespace atrium
