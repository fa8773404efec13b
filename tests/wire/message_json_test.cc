#include "server/wire/message_json.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include "atrium/v1/frames.pb.h"
#include "server/common/errors.h"
#include "tests/wire/all_fields.pb.h"

namespace atrium {
namespace {

using v1::ClientFrame;
using v1::EmitRequest;
using v1::ServerFrame;
using wire_test::AllFields;

class MessageJsonTest : public testing::Test {
 protected:
  // `text` read as an AllFields and written again; or the error's message.
  std::string Echo(const std::string& text, JsonZeros zeros = JsonZeros::kOmit) const {
    AllFields message;
    const absl::Status status = MessageFromJson(*ParseJson(text), message);
    return status.ok() ? MessageToJson(message, zeros) : std::string(status.message());
  }
};

// The error of reading `text` into a message of that type.
template <typename Type>
absl::Status ReadError(const std::string& text) {
  Type message;
  return MessageFromJson(*ParseJson(text), message);
}

// Members have a writer of their own.
TEST_F(MessageJsonTest, WritesMembersAsProtobufDoes) {
  ASSERT_EQ(v1::Member::descriptor()->field_count(), 5) << "the writer knows these";
  v1::ListMembersResponse members;
  members.add_members();
  v1::Member& full = *members.add_members();
  full.set_id("a \"b\"");
  full.set_user_id("é");
  full.mutable_join_time()->set_seconds(1'700'000'000);
  (*full.mutable_info()->mutable_fields())["name"].set_string_value("Ada");
  full.set_connected(true);
  for (const JsonZeros zeros : {JsonZeros::kOmit, JsonZeros::kPrint}) {
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = zeros == JsonZeros::kPrint;
    std::string expected;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(members, &expected, options).ok());
    // Protobuf has an order of its own where it prints zeros.
    EXPECT_EQ(json::parse(MessageToJson(members, zeros)), json::parse(expected));
  }
}

TEST_F(MessageJsonTest, KeepsEveryKindOfField) {
  for (const char* const text : {
           R"({"flag":true})",
           R"({"small":-5,"smallUnsigned":4000000000})",
           R"({"big":"-9223372036854775808","bigUnsigned":"18446744073709551615"})",
           R"({"real":0.1,"shortReal":0.1})",
           R"({"real":"NaN","shortReal":"-Infinity"})",
           R"({"text":"a \"b\" \\ é"})",
           R"({"blob":"/+8AAQ=="})",
           R"({"color":"COLOR_RED"})",
           R"({"color":7})",
           R"({"child":{"child":{"small":1}}})",
           R"({"numbers":[1,2],"children":[{"small":1},{}]})",
           R"({"counts":{"a":1,"b":2},"byId":{"-1":{"small":1}},"byFlag":{"false":"x","true":"y"}})",
           R"({"note":""})",
           R"({"firstChoice":""})",
           R"({"secondChoice":{}})",
           R"({"at":"2026-11-23T02:37:00.120Z","wait":"-0.500s"})",
           R"({"fields":{"a":[null,1.5,"x",{"b":true}]},"items":[1,[]]})",
           R"({"wrapped":""})",
           R"({"values":[null,{"a":1}]})",
           R"({"any":{"@type":"type.googleapis.com/atrium.v1.Position","epoch":"x","offset":"3"}})",
           R"({"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"3s"}})",
       }) {
    EXPECT_EQ(Echo(text), text);
  }
}

TEST_F(MessageJsonTest, TakesTheOtherFormsOfAValue) {
  EXPECT_EQ(Echo(R"({"small_unsigned":1})"), R"({"smallUnsigned":1})");
  EXPECT_EQ(Echo(R"({"small":"-5","numbers":["1",2.0]})"), R"({"small":-5,"numbers":[1,2]})");
  EXPECT_EQ(Echo(R"({"big":5,"bigUnsigned":1e3})"), R"({"big":"5","bigUnsigned":"1000"})");
  EXPECT_EQ(Echo(R"({"real":"1.5","shortReal":3})"), R"({"real":1.5,"shortReal":3})");
  EXPECT_EQ(Echo(R"({"color":1})"), R"({"color":"COLOR_RED"})");
  EXPECT_EQ(Echo(R"({"blob":"_-8AAQ"})"), R"({"blob":"/+8AAQ=="})");
  EXPECT_EQ(Echo(R"({"at":"2026-11-23T03:37:00+01:00"})"), R"({"at":"2026-11-23T02:37:00Z"})");
}

TEST_F(MessageJsonTest, TakesNullAsAbsent) {
  EXPECT_EQ(Echo(R"({"small":null,"child":null,"numbers":null,"counts":null,"note":null,"at":null})"), "{}");
  EXPECT_EQ(Echo(R"({"firstChoice":null,"secondChoice":{}})"), R"({"secondChoice":{}})");
}

TEST_F(MessageJsonTest, PrintsZerosOnRequest) {
  EXPECT_EQ(Echo("{}", JsonZeros::kPrint),
            R"({"flag":false,"small":0,"smallUnsigned":0,"big":"0","bigUnsigned":"0","real":0,"shortReal":0,)"
            R"("text":"","blob":"","color":"COLOR_UNSPECIFIED","numbers":[],"children":[],"counts":{},"byId":{},)"
            R"("byFlag":{},"values":[],"nothing":null})");
}

TEST_F(MessageJsonTest, NamesTheFieldAtFaultAndItsRule) {
  EXPECT_EQ(Echo(R"({"flag":1})"), "flag: must be true or false");
  EXPECT_EQ(Echo(R"({"small":"x"})"), "small: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(Echo(R"({"small":1.5})"), "small: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(Echo(R"({"small":2147483648})"), "small: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(Echo(R"({"small_unsigned":-1})"), "smallUnsigned: must be an integer from 0 to 4294967295");
  EXPECT_EQ(Echo(R"({"bigUnsigned":"18446744073709551616"})"),
            "bigUnsigned: must be an integer from 0 to 18446744073709551615");
  EXPECT_EQ(Echo(R"({"real":"1e999"})"), "real: must be a number");
  for (const std::string text : {"0x7", "007", "+7", "7.", ".7", "-", "", " 7", "7 ", "inf", "nan", "1_0"}) {
    EXPECT_EQ(Echo("{\"real\":\"" + text + "\"}"), "real: must be a number") << text;
  }
  EXPECT_EQ(Echo(R"({"shortReal":1e39})"), "shortReal: must be a number that a float can hold");
  EXPECT_EQ(Echo(R"({"text":5})"), "text: must be a string");
  EXPECT_EQ(Echo(R"({"blob":"*"})"), "blob: must be a string in base64");
  EXPECT_EQ(Echo(R"({"color":"BLUE"})"), "color: must be one of COLOR_UNSPECIFIED, COLOR_RED");
  EXPECT_EQ(Echo(R"({"child":{"child":[]}})"), "child.child: must be an object");
  EXPECT_EQ(Echo(R"({"children":[{},{"text":null},{"colour":1}]})"), "children[2].colour: unknown field");
  EXPECT_EQ(Echo(R"({"numbers":[1,null]})"), "numbers[1]: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(Echo(R"({"numbers":1})"), "numbers: must be a list");
  EXPECT_EQ(Echo(R"({"counts":{"a":"b"}})"), "counts.a: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(Echo(R"({"byId":{"x":{}}})"),
            "byId.x: must be an integer from -9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(Echo(R"({"byFlag":{"x":""}})"), "byFlag.x: has a key that must be true or false");
  EXPECT_EQ(Echo(R"({"firstChoice":"","secondChoice":{}})"), "secondChoice: cannot stand beside firstChoice");
  EXPECT_EQ(Echo(R"({"smallUnsigned":1,"small_unsigned":1})"), "smallUnsigned: is given twice");
  EXPECT_EQ(Echo(R"({"any":{"epoch":"x"}})"), "any: must name its type in @type");
  EXPECT_EQ(Echo(R"({"any":{"@type":"x/No"}})"), "any.@type: unknown type");
  EXPECT_EQ(Echo(R"({"items":{}})"), "items: must be a list");
  EXPECT_EQ(Echo(R"([])"), "the message must be an object");
}

TEST_F(MessageJsonTest, TakesTimesOfTheirFormOnly) {
  for (const char* const text : {"", "infinite-past", "2026-11-23", " 2026-11-23T02:37:00Z", "2026-13-01T00:00:00Z",
                                 "10000-01-01T00:00:00Z", "2026-11-23T02:37:00Z "}) {
    EXPECT_EQ(Echo(R"({"at":")" + std::string(text) + "\"}"), "at: must be a time such as \"2026-11-23T02:37:00Z\"");
  }
  for (const char* const text : {"", "s", "1", "1.s", "--1s", "1.1234567890s", "1 s", "315576000001s", "-s"}) {
    EXPECT_EQ(Echo(R"({"wait":")" + std::string(text) + "\"}"), "wait: must be a duration in seconds such as \"1.5s\"");
  }
  EXPECT_EQ(Echo(R"({"at":"0001-01-01T00:00:00Z"})"), R"({"at":"0001-01-01T00:00:00Z"})");
  EXPECT_EQ(Echo(R"({"at":"1969-12-31T23:59:59.999999999Z"})"), R"({"at":"1969-12-31T23:59:59.999999999Z"})");
}

TEST(MessageJsonErrorTest, IsInvalidFieldWithItsPath) {
  const absl::Status status = ReadError<v1::ClientFrames>(R"({"frames":[{"id":1},{"emit":{"event":3}}]})");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  EXPECT_EQ(ErrorField(status), "frames[1].emit.event");
  EXPECT_EQ(ErrorField(ReadError<ClientFrame>(R"({"joim":{}})")), "joim");
}

TEST(MessageJsonPayloadTest, BelongsToTheOnlyValueOfAMessage) {
  EXPECT_EQ(PayloadField(*EmitRequest::descriptor())->name(), "data");
  EXPECT_EQ(PayloadField(*v1::Room::descriptor()), nullptr);
  EXPECT_EQ(PayloadField(*v1::JoinRequest::descriptor()), nullptr) << "has two";
}

TEST(MessageJsonPayloadTest, IsReadBesideItsMessage) {
  ClientFrame frame;
  Payload payload;
  ASSERT_TRUE(
      MessageFromJson(*ParseJson(R"({"id":1,"emit":{"data":{"b":[1, null],"a":2},"event":"x"}})"), frame, &payload)
          .ok());
  EXPECT_EQ(frame.emit().event(), "x");
  EXPECT_FALSE(frame.emit().has_data());
  EXPECT_EQ(payload.Json(), R"({"b":[1,null],"a":2})");
}

TEST(MessageJsonPayloadTest, MayBeNullOrMissing) {
  EmitRequest request;
  Payload payload;
  ASSERT_TRUE(MessageFromJson(*ParseJson(R"({"data":null})"), request, &payload).ok());
  EXPECT_FALSE(payload.empty());
  EXPECT_EQ(payload.Json(), "null");
  Payload missing;
  ASSERT_TRUE(MessageFromJson(*ParseJson(R"({"event":"x"})"), request, &missing).ok());
  EXPECT_TRUE(missing.empty());
}

TEST(MessageJsonPayloadTest, IsReadAsTheFieldThatABodyNames) {
  v1::SetStateRequest request;
  Payload payload;
  const auto& field = *v1::SetStateRequest::descriptor()->FindFieldByName("state");
  ASSERT_TRUE(FieldFromJson(*ParseJson(R"({"a":null})"), field, request, &payload).ok());
  EXPECT_EQ(payload.Json(), R"({"a":null})");
  EXPECT_FALSE(request.has_state());
  ASSERT_TRUE(FieldFromJson(*ParseJson(R"({"a":null})"), field, request).ok());
  EXPECT_TRUE(request.state().struct_value().fields().at("a").has_null_value());
}

TEST(MessageJsonPayloadTest, StandsInTheFirstMessageThatHasAField) {
  ServerFrame frame;
  frame.mutable_event()->set_room_id("geral");
  frame.mutable_event()->set_offset(7);
  frame.mutable_event()->mutable_time()->set_seconds(1'795'401'420);
  EXPECT_EQ(MessageToJson(frame, JsonZeros::kOmit, Payload::FromText(R"({"a":1})")),
            R"({"event":{"roomId":"geral","offset":"7","data":{"a":1},"time":"2026-11-23T02:37:00Z"}})");

  v1::GetStateResponse response;
  EXPECT_EQ(MessageToJson(response, JsonZeros::kPrint, Payload::FromText("[]")), R"({"state":[]})");
  EXPECT_EQ(MessageToJson(response, JsonZeros::kPrint), "{}");
}

TEST(MessageJsonPayloadTest, MovesOutOfItsMessageAndBack) {
  ClientFrame frame;
  (*frame.mutable_emit()->mutable_data()->mutable_struct_value()->mutable_fields())["a"].set_number_value(1);
  const ClientFrame whole = frame;
  const absl::StatusOr<Payload> payload = TakePayload(frame);
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(payload->Json(), R"({"a":1})");
  EXPECT_FALSE(frame.emit().has_data());
  PutPayload(*payload, frame);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(frame, whole));
}

TEST(MessageJsonPayloadTest, IsRefusedWithTheNameOfItsField) {
  EmitRequest request;
  request.mutable_data()->set_number_value(std::numeric_limits<double>::infinity());
  const absl::StatusOr<Payload> payload = TakePayload(request);
  EXPECT_EQ(payload.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorField(payload.status()), "data");
}

TEST(MessageJsonPayloadTest, IsEmptyWhereThereIsNone) {
  EmitRequest request;
  EXPECT_TRUE(TakePayload(request)->empty());
  v1::GetRoomRequest none;
  EXPECT_TRUE(TakePayload(none)->empty());
  PutPayload(Payload(), request);
  EXPECT_FALSE(request.has_data());
}

TEST(MessageJsonAnyTest, StopsAtADepthWhenAnyHoldsAny) {
  google::protobuf::Any any;
  for (int i = 0; i < 100; ++i) {
    google::protobuf::Any outer;
    outer.PackFrom(any);
    any = outer;
  }
  const std::string text = MessageToJson(any, JsonZeros::kOmit);
  EXPECT_LT(text.size(), 1000u) << text;
}

}  // namespace
}  // namespace atrium
