// Requests that make no sense: each gets its error, the connection stays, and the other members notice nothing.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/bystanders.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

struct BadText {
  const char* name;
  std::string text;
  // What the reply says.
  std::string id;
  std::string code;
  std::string says;
};

void PrintTo(const BadText& bad, std::ostream* out) { *out << bad.text.substr(0, 100); }

std::vector<BadText> BadTexts() {
  const std::string emit = R"({"id":7,"emit":{"roomId":"geral","event":"x","data":)";
  return {
      {"BrokenJson", "{\"id\":7,", "7", "3", "invalid JSON at byte 8"},
      {"NoJson", "hello", "0", "3", "invalid JSON at byte 0"},
      {"TwoValues", "{\"id\":7} {}", "0", "3", "invalid JSON at byte 9"},
      {"NoObject", "[1]", "0", "3", "frame: must be a JSON object"},
      {"Nothing", "{}", "0", "3", "frame: must hold a request, such as join, leave or emit"},
      {"IdOnly", R"({"id":7})", "7", "3", "frame: must hold a request"},
      {"WrongId", R"({"id":"seven","join":{"roomId":"a"}})", "0", "3", R"("field":"id")"},
      {"NegativeId", R"({"id":-1,"join":{"roomId":"a"}})", "0", "3", R"("field":"id")"},
      {"UnknownRequest", R"({"id":7,"explode":{}})", "7", "3", "explode: unknown request"},
      {"TwoRequests", R"({"id":7,"leave":{"roomId":"a"},"join":{"roomId":"a"}})", "7", "3",
       "a frame holds one request"},
      {"WrongType", R"({"id":7,"join":{"roomId":5}})", "7", "3", "join.roomId: must be a string"},
      {"RequestNoObject", R"({"id":7,"join":"geral"})", "7", "3", R"("field":"join")"},
      {"UnknownField", R"({"id":7,"join":{"roomId":"geral","pass":1}})", "7", "3", "join.pass: unknown field"},
      {"BadRoomName", R"({"id":7,"join":{"roomId":"a b"}})", "7", "3", "Invalid room name. Must be 1-64"},
      {"NoRoomName", R"({"id":7,"join":{}})", "7", "3", R"("field":"join.roomId")"},
      {"OnlyDots", R"({"id":7,"join":{"roomId":".."}})", "7", "3", "Invalid room name."},
      {"Stats", R"({"id":7,"join":{"roomId":"stats"}})", "7", "3", "Invalid room name."},
      {"TypedRoom", R"({"id":7,"join":{"roomId":"chat:a"}})", "7", "7",
       "Room requires server-side join via component action"},
      {"NotAMember", R"({"id":7,"emit":{"roomId":"tech","event":"x"}})", "7", "7", "Not a member of this room"},
      {"NoEvent", R"({"id":7,"emit":{"roomId":"geral"}})", "7", "3", R"("field":"emit.event")"},
      {"SystemEvent", R"({"id":7,"emit":{"roomId":"geral","event":"$sub:join"}})", "7", "3", "must not start with '$'"},
      {"LongEvent", absl::StrCat(R"({"id":7,"emit":{"roomId":"geral","event":")", std::string(129, 'e'), "\"}}"), "7",
       "3", "must have 1 to 128 bytes"},
      {"LargeInteger", absl::StrCat(emit, "9007199254740993}}"), "7", "3",
       R"(emit.data: number at byte 68: integers go up to 2^53)"},
      {"HugeInteger", absl::StrCat(emit, std::string(400, '9'), "}}"), "7", "3", "number"},
      {"HugeNumber", absl::StrCat(emit, "1e999}}"), "7", "3", R"("field":"emit.data")"},
      {"NaN", absl::StrCat(emit, "NaN}}"), "7", "3", "invalid JSON"},
      {"TooDeep", absl::StrCat(emit, Nested(33), "}}"), "7", "3", "emit.data: nesting too deep (max 32)"},
      {"BottomlesslyDeep", absl::StrCat(emit, std::string(60000, '[')), "7", "3", "JSON nesting too deep (max 32)"},
      {"LoneSurrogate", R"({"id":7,"emit":{"roomId":"geral","event":"\ud800"}})", "7", "3", "invalid JSON"},
      {"IdBehind", R"({"emit":{"roomId":"geral","event":"x","data":"\udc00"},"id":7})", "7", "3", "invalid JSON"},
      {"IdBehindTheDeep", absl::StrCat(R"({"emit":{"data":)", Nested(100), R"(},"id":7})"), "7", "3", "too deep"},
      {"IdWithinTheBad", R"({"emit":{"id":7,"data":1e999}})", "0", "3", "number"},
      {"LongUnknownField", absl::StrCat(R"({"id":7,"join":{")", std::string(20000, 'f'), R"(":1}})"), "7", "3",
       absl::StrCat("join.", std::string(123, 'f'), "\xe2\x80\xa6: unknown field")},
      {"LongUnknownRequest", absl::StrCat(R"({"id":7,")", std::string(20000, 'r'), R"(":{}})"), "7", "3",
       absl::StrCat("\"", std::string(128, 'r'), "\xe2\x80\xa6\"")},
      {"LongComponent", absl::StrCat(R"({"id":7,"mount":{"component":")", std::string(20000, 'c'), R"("}})"), "7", "5",
       absl::StrCat("'", std::string(128, 'c'), "\xe2\x80\xa6' not found")},
      {"LongComponentId", absl::StrCat(R"({"id":7,"unmount":{"componentId":")", std::string(20000, 'c'), R"("}})"), "7",
       "5", absl::StrCat("'", std::string(128, 'c'), "\xe2\x80\xa6' not found")},
      {"StateNoObject", R"({"id":7,"setState":{"roomId":"geral","state":[]}})", "7", "3",
       R"("field":"setState.state")"},
      {"SecondHello", R"({"id":7,"hello":{}})", "7", "9", "hello: only the first frame of a connection"},
      {"SomebodyElse", R"({"id":7,"leave":{"roomId":"geral","memberId":"s0-1"}})", "7", "3",
       R"("field":"leave.memberId")"},
      {"NotJoined", R"({"id":7,"leave":{"roomId":"tech"}})", "7", "5", "is not a member of this room"},
  };
}

class BadTextTest : public BystandersTest, public testing::WithParamInterface<BadText> {};

INSTANTIATE_TEST_SUITE_P(Json, BadTextTest, testing::ValuesIn(BadTexts()),
                         [](const auto& info) { return info.param.name; });

TEST_P(BadTextTest, GetsItsError) {
  const std::string metric =
      absl::StrCat("atrium_client_errors_total{code=\"",
                   absl::StatusCodeToString(static_cast<absl::StatusCode>(std::stoi(GetParam().code))), "\"}");
  const double before = server_.Metric(metric);
  RawWebSocket socket = Offender();
  socket.SendText(GetParam().text);
  EXPECT_THAT(
      socket.ReadMessage(),
      AllOf(HasSubstr(absl::StrCat(R"({"reply":{"id":)", GetParam().id, R"(,"error":{"code":)", GetParam().code, ",")),
            HasSubstr(GetParam().says), HasSubstr(R"("domain":"atrium")")));
  EXPECT_TRUE(Answers(socket));
  EXPECT_EQ(server_.Metric(metric), before + 1);
}

class BadInputTest : public BystandersTest {};

TEST_F(BadInputTest, IsNotTheDeepestThatIsAllowed) {
  RawWebSocket socket = Offender();
  socket.SendText(absl::StrCat(R"({"id":7,"emit":{"roomId":"geral","event":"deep","data":)", Nested(32),
                               R"(,"includeSelf":true}})"));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat("\"data\":", Nested(32))));
}

TEST_F(BadInputTest, IsTheSameThroughProtobuf) {
  TestClient proto(server_, Door::kProto);
  proto.Join("geral");
  v1::ClientFrame deep = EmitFrame("geral", "x");
  google::protobuf::Value* value = deep.mutable_emit()->mutable_data();
  for (int i = 0; i < 33; ++i) value = value->mutable_list_value()->add_values();
  value->set_null_value({});
  EXPECT_THAT(proto.Ask(deep).error(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("deep")));
  for (const double number : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    v1::ClientFrame frame = EmitFrame("geral", "x");
    frame.mutable_emit()->mutable_data()->set_number_value(number);
    const v1::Reply reply = proto.Ask(frame);
    EXPECT_THAT(reply.error(), StatusIs(absl::StatusCode::kInvalidArgument));
    google::rpc::BadRequest bad;
    ASSERT_EQ(reply.error().details_size(), 2);
    ASSERT_TRUE(reply.error().details(1).UnpackTo(&bad));
    EXPECT_THAT(bad.field_violations(0).field(), HasSubstr("emit.data"));
  }
  EXPECT_THAT(proto.Ask(v1::ClientFrame()).error(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(proto.Join("a b").error(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BadInputTest, IsBytesThatAreNoProtobuf) {
  RawWebSocket socket(server_.http_port(), {.subprotocol = "atrium.v1.proto"});
  const std::string not_utf8 = "\x1a\x04\x0a\x02\xff\xfe";
  const std::string id("\x08\x07", 2);
  const struct {
    std::string bytes;
    uint32_t id;
  } cases[] = {{"\xff\xff\xff", 0}, {not_utf8, 0}, {"\x08", 0}, {id + not_utf8, 7}, {not_utf8 + id, 7}};
  for (const auto& c : cases) {
    socket.Send({.opcode = WebSocketFrame::kBinary, .payload = c.bytes});
    v1::ServerFrame frame;
    ASSERT_TRUE(frame.ParseFromString(socket.ReadMessage()));
    EXPECT_EQ(frame.reply().id(), c.id);
    EXPECT_THAT(frame.reply().error(),
                StatusIs(absl::StatusCode::kInvalidArgument, "not a serialised atrium.v1.ClientFrame"));
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(frame.reply().error().details(0).UnpackTo(&info));
    EXPECT_EQ(info.reason(), "INVALID_PROTOBUF");
  }
}

TEST_F(BadInputTest, IsARequestBeforeTheHello) {
  RawWebSocket socket(server_.http_port());
  socket.SendText(R"({"id":5,"join":{"roomId":"geral"}})");
  EXPECT_THAT(socket.ReadMessage(),
              AllOf(HasSubstr(R"({"reply":{"id":5,"error":{"code":9)"), HasSubstr("HELLO_FIRST")));
  socket.SendText(absl::StrCat(R"({"id":6,"hello":{"token":")", std::string(129, 't'), "\"}}"));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr("hello.token: must have at most 128 bytes"));
  socket.SendText(R"({"id":7,"hello":{"token":"dora","client":"test"}})");
  EXPECT_THAT(socket.ReadMessage(), AllOf(HasSubstr(R"({"welcome":{"sessionId":"s)"), HasSubstr(R"("userId":"dora")")));
}

TEST_F(BadInputTest, IsToldWithoutAnId) {
  RawWebSocket socket = Offender();
  socket.SendText(R"({"emit":{"roomId":"tech","event":"x"}})");
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":0,"error":{"code":7)"));
  // What goes well has no reply then.
  socket.SendText(R"({"emit":{"roomId":"geral","event":"quiet"}})");
  socket.SendText(R"({"id":8,"getState":{"roomId":"geral"}})");
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":8,)"));
  ana_.WaitForEvent("geral", "quiet");
}

}  // namespace
}  // namespace atrium
