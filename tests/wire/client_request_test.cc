#include "server/wire/client_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/escaping.h"
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

TEST(ClientRequestTest, FindsTheIdOfAFrameOfWhichNothingElseIsWanted) {
  EXPECT_EQ(ReadJsonFrameId(R"({"id":5,"emit":{"roomId":"r"}})"), 5u);
  EXPECT_EQ(ReadJsonFrameId(R"({"id":5,rubbish)"), 5u);
  EXPECT_EQ(ReadJsonFrameId(R"({"emit":{"roomId":"r"},"id":4294967295})"), 4294967295u);
  EXPECT_EQ(ReadJsonFrameId(R"( { "id" : 7, "emit":{}})"), 7u);
  for (const char* none : {"", "[]", "{}", R"({"id":4294967296,"emit":{}})", R"({"id":-5,"emit":{}})"}) {
    EXPECT_EQ(ReadJsonFrameId(none), 0u) << none;
  }
  v1::ClientFrame frame;
  frame.set_id(300);
  frame.mutable_emit()->set_room_id("r");
  EXPECT_EQ(ReadProtoFrameId(frame.SerializeAsString()), 300u);
  EXPECT_EQ(ReadProtoFrameId(frame.SerializeAsString().substr(0, 4)), 300u);
  EXPECT_EQ(ReadProtoFrameId(""), 0u);
}

// The frame and the request around a value do not count, as they do not in protobuf.
TEST(ClientRequestTest, ValuesNestThirtyTwoDeepInBothForms) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const auto read = [&](absl::string_view request, absl::string_view field, const std::string& value) {
    return DecodeJsonFrame(absl::StrCat(R"({"id":7,")", request, R"(":{")", field, "\":", value, "}}"));
  };
  const ClientRequest deepest = read("emit", "data", nested(32));
  ASSERT_TRUE(deepest.status.ok()) << deepest.status;
  EXPECT_EQ(deepest.payload.Json(), nested(32));
  // Values that stay in their message, as a join has two.
  EXPECT_TRUE(read("join", "initialState", nested(32)).status.ok());
  EXPECT_TRUE(read("join", "info", absl::StrCat("{\"a\":", nested(31), "}")).status.ok());

  v1::ClientFrame frame;
  frame.set_id(7);
  google::protobuf::Value* value = frame.mutable_emit()->mutable_data();
  for (int i = 0; i < 32; ++i) value = value->mutable_list_value()->add_values();
  value->mutable_list_value();
  for (const ClientRequest& request : {read("emit", "data", nested(33)), DecodeProtoFrame(frame.SerializeAsString())}) {
    EXPECT_EQ(request.id, 7u);
    EXPECT_EQ(request.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(request.status.message(), "emit.data: nesting too deep (max 32)");
    EXPECT_EQ(ErrorField(request.status), "emit.data");
  }
  EXPECT_EQ(ErrorField(read("join", "initialState", nested(33)).status), "join.initialState");
  EXPECT_EQ(ErrorField(read("join", "info", absl::StrCat("{\"a\":", nested(32), "}")).status), "join.info");
}

// Protobuf itself parses messages of 100 levels, of which one level of a value takes up to three.
TEST(ClientRequestTest, AValueThatIsFarTooDeepIsStillNamedInProtobuf) {
  const auto decode = [](int objects) {
    v1::ClientFrame frame;
    frame.set_id(7);
    google::protobuf::Value* value = frame.mutable_emit()->mutable_data();
    for (int i = 0; i < objects; ++i) value = &(*value->mutable_struct_value()->mutable_fields())["k"];
    value->set_bool_value(true);
    return DecodeProtoFrame(frame.SerializeAsString());
  };
  EXPECT_TRUE(decode(32).status.ok());
  for (const int objects : {33, 34, 50, 200}) {
    const ClientRequest request = decode(objects);
    EXPECT_EQ(request.id, 7u) << objects;
    EXPECT_EQ(request.status.message(), "emit.data: nesting too deep (max 32)") << objects;
  }
  for (const int objects : {210, 5000}) {
    const ClientRequest request = decode(objects);
    EXPECT_EQ(request.id, 7u) << objects;
    EXPECT_EQ(ErrorReason(request.status), "INVALID_PROTOBUF") << objects;
  }
}

// A client waits for the reply of the request that it has sent, whatever is wrong with that.
TEST(ClientRequestTest, ARefusedTextKeepsItsIdWhereverThatStands) {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  for (const std::string& value :
       {std::string("9007199254740993"), std::string("1e400"), std::string(R"("\ud800")"), std::string(R"("\q")"), deep,
        std::string(33, '[') + std::string(33, ']'), std::string("NaN"), std::string("01"), std::string("\"\xff\""),
        std::string("[1}"), std::string("{\"a\" 1}"), std::string(R"("a\"b,\"id\":9" x)"),
        std::string(R"({"id":9,"x":+1})"), std::string("'a'"), std::string()}) {
    const std::string emit = absl::StrCat(R"("emit":{"roomId":"r","event":"e","data":)", value, "}");
    for (const std::string& text :
         {absl::StrCat(R"({"id":7,)", emit, "}"), absl::StrCat("{", emit, R"(,"id":7})"),
          absl::StrCat(" { ", emit, R"( , "id" : 7 } )"), absl::StrCat(R"({"id":"7",)", emit, "}"),
          absl::StrCat(R"({"\u0069d":7,)", emit, "}"), absl::StrCat(R"({"id":6,)", emit, R"(,"id":7.0})"),
          // It breaks off.
          absl::StrCat(R"({"id":7,)", emit)}) {
      const ClientRequest request = DecodeJsonFrame(text);
      EXPECT_FALSE(request.status.ok()) << text;
      EXPECT_EQ(request.id, 7u) << text;
      EXPECT_EQ(DecodeJsonFrame(absl::StrCat(" ", text)).id, 7u) << text;
    }
    for (const std::string& text :
         {absl::StrCat("{", emit, "}"), absl::StrCat(R"({"id":-1,)", emit, "}"),
          absl::StrCat(R"({"id":4294967296,)", emit, "}"), absl::StrCat(R"({"id":[7],)", emit, "}"),
          absl::StrCat(R"({"a":{"id":7},)", emit, "}"), absl::StrCat(R"([{"id":7,)", emit, "}]"),
          absl::StrCat("{", emit, R"(,"id":7)"), absl::StrCat(R"({"id":7,)", emit, "} {}")}) {
      EXPECT_FALSE(DecodeJsonFrame(text).status.ok()) << text;
      EXPECT_EQ(DecodeJsonFrame(text).id, 0u) << text;
    }
  }
}

TEST(ClientRequestTest, RefusedBytesKeepTheirIdWhereverItStands) {
  const std::string id("\x08\x07", 2);
  const std::string not_utf8 = "\x22\x04\x0a\x02\xff\xfe";
  for (const std::string& bytes :
       {id + not_utf8, not_utf8 + id, id + "\xff\xff\xff", id + "\x22\x7f", not_utf8 + "\x08\x06" + id + "\x08"}) {
    EXPECT_FALSE(DecodeProtoFrame(bytes).status.ok());
    EXPECT_EQ(DecodeProtoFrame(bytes).id, 7u) << absl::CEscape(bytes);
  }
  for (const std::string& bytes : {not_utf8, std::string("\x22\x7f") + id, std::string("\xff\xff\xff") + id}) {
    EXPECT_FALSE(DecodeProtoFrame(bytes).status.ok());
    EXPECT_EQ(DecodeProtoFrame(bytes).id, 0u) << absl::CEscape(bytes);
  }
}

TEST(ClientRequestTest, ARefusedNumberIsNamedByItsPath) {
  const ClientRequest request =
      DecodeJsonFrame(R"({"id":7,"emit":{"roomId":"r","data":{"a":[1,{"b":2}],"prices":[1,[9007199254740993]]}}})");
  EXPECT_EQ(ErrorField(request.status), "emit.data.prices[1][0]") << request.status;
  EXPECT_THAT(std::string(request.status.message()), HasSubstr("integers go up to 2^53"));
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
    EXPECT_EQ(PlainJson(text).TakeValue(8), std::nullopt) << text;
  }
  PlainJson fraction("1.5");
  EXPECT_EQ(fraction.TakeValue(8), absl::string_view("1"));
  EXPECT_FALSE(fraction.empty());
}

}  // namespace
}  // namespace atrium
