// RFC 6455 on the wire, by a client that does as it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/bystanders.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Frame = WebSocketFrame;

constexpr char kHello[] = R"({"id":1,"hello":{}})";
constexpr char kEcho[] = R"({"id":9,"emit":{"roomId":"geral","event":"echo","data":"olá 👋","includeSelf":true}})";

class WebSocketTest : public BystandersTest {
 protected:
  // The event that kEcho makes comes back whole.
  static void ExpectEcho(RawWebSocket& socket) {
    EXPECT_THAT(socket.ReadMessage(), AllOf(HasSubstr(R"("event":"echo")"), HasSubstr(R"("data":"olá 👋")")));
    EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":9,"emit":{"success":true)"));
  }

  // A member that sends `bytes` is cut with `code`, which is counted.
  void ExpectViolation(const std::string& bytes, int code) {
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 40)));
    const std::string metric = absl::StrCat("atrium_closes_total{code=\"", code, "\"}");
    const double before = server_.Metric(metric);
    RawWebSocket socket = Offender();
    socket.SendBytes(bytes);
    ExpectCut(socket, code);
    EXPECT_EQ(server_.Metric(metric), before + 1);
    Chat();
  }
};

// ---- Messages and fragments

TEST_F(WebSocketTest, PutsFragmentsTogether) {
  RawWebSocket socket = Offender();
  const std::string text = kEcho;
  // Every cut, some of them inside a character.
  for (size_t cut = 1; cut < text.size(); ++cut) {
    socket.Send({.payload = text.substr(0, cut), .fin = false});
    socket.Send({.opcode = Frame::kContinuation, .payload = text.substr(cut)});
    ExpectEcho(socket);
  }
}

TEST_F(WebSocketTest, TakesManyFragmentsSomeOfThemEmpty) {
  RawWebSocket socket = Offender();
  socket.Send({.payload = "", .fin = false});
  for (const char c : absl::string_view(kEcho)) {
    socket.Send({.opcode = Frame::kContinuation, .payload = std::string(1, c), .fin = false});
    socket.Send({.opcode = Frame::kContinuation, .payload = "", .fin = false});
  }
  socket.Send({.opcode = Frame::kContinuation, .payload = ""});
  ExpectEcho(socket);
}

TEST_F(WebSocketTest, AnswersPingsBetweenFragments) {
  RawWebSocket socket = Offender();
  const std::string text = kEcho;
  socket.Send({.payload = text.substr(0, 60), .fin = false});
  socket.Send({.opcode = Frame::kPing, .payload = "in between"});
  socket.Send({.opcode = Frame::kPong, .payload = "unasked"});
  const auto pong = socket.Read();
  ASSERT_TRUE(pong.has_value());
  EXPECT_EQ(pong->opcode, Frame::kPong);
  EXPECT_EQ(pong->payload, "in between");
  socket.Send({.opcode = Frame::kContinuation, .payload = text.substr(60)});
  ExpectEcho(socket);
}

TEST_F(WebSocketTest, EchoesPings) {
  RawWebSocket socket = Offender();
  for (const size_t size : {0, 1, 124, 125}) {
    const std::string payload(size, '\xff');
    socket.Send({.opcode = Frame::kPing, .payload = payload});
    const auto pong = socket.Read();
    ASSERT_TRUE(pong.has_value());
    EXPECT_EQ(pong->opcode, Frame::kPong);
    EXPECT_EQ(pong->payload, payload);
    EXPECT_TRUE(pong->fin);
    EXPECT_FALSE(pong->masked);
  }
}

TEST_F(WebSocketTest, TakesBytesOneAtATime) {
  RawWebSocket socket = Offender();
  for (const char byte : EncodeWebSocketFrame({.payload = kEcho})) socket.SendBytes(std::string(1, byte));
  ExpectEcho(socket);
}

TEST_F(WebSocketTest, TakesFramesBehindItsHandshake) {
  const std::string frames = EncodeWebSocketFrame({.payload = kHello}) +
                             EncodeWebSocketFrame({.payload = R"({"id":2,"join":{"roomId":"geral"}})"});
  // The last frame is cut in two.
  const std::string echo = EncodeWebSocketFrame({.payload = kEcho});
  RawWebSocket socket(server_.http_port(), {.behind_request = frames + echo.substr(0, 30)});
  ASSERT_TRUE(socket.open());
  socket.SendBytes(echo.substr(30));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"("reply":{"id":2)"));
  ExpectEcho(socket);
}

TEST_F(WebSocketTest, TakesEveryLengthUpToItsLimit) {
  RawWebSocket socket = Offender();
  socket.SendText("");
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":0,"error":)"));
  for (const size_t size : {20, 125, 126, 127, 65535, 65536}) {
    std::string text = absl::StrCat(R"({"id":)", size, "}");
    text.resize(size, ' ');
    socket.SendText(text);
    EXPECT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat(R"({"reply":{"id":)", size, ",")));
  }
}

TEST_F(WebSocketTest, SendsLengthsThatItself) {
  RawWebSocket socket = Offender();
  // Around the borders of the length forms, the frame around the data included.
  for (size_t size : {0, 1, 10, 20, 30, 60000, 65200, 65300, 65350, 65400}) {
    const std::string data(size, 'x');
    Chat(absl::StrCat("\"", data, "\""));
    EXPECT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat(R"("data":")", data, "\"")));
  }
}

// ---- Violations

TEST_F(WebSocketTest, CutsTooLargeMessages) {
  ExpectViolation(EncodeWebSocketFrame({.payload = std::string(65537, ' ')}), 1009);
  ExpectViolation(EncodeWebSocketFrame({.payload = std::string(40000, ' '), .fin = false}) +
                      EncodeWebSocketFrame({.opcode = Frame::kContinuation, .payload = std::string(25537, ' ')}),
                  1009);
  // By its head, with the first byte of what it promises.
  ExpectViolation(std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff.....", 15), 1009);
}

TEST_F(WebSocketTest, CutsInvalidUtf8) {
  for (const std::string text : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    ExpectViolation(EncodeWebSocketFrame({.payload = text}), 1007);
  }
  ExpectViolation(EncodeWebSocketFrame({.payload = "\xe2\x82", .fin = false}) +
                      EncodeWebSocketFrame({.opcode = Frame::kContinuation, .payload = "x"}),
                  1007);
}

TEST_F(WebSocketTest, CutsUnmaskedFrames) {
  ExpectViolation(EncodeWebSocketFrame({.payload = "{}", .masked = false}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kPing, .masked = false}), 1002);
}

TEST_F(WebSocketTest, CutsReservedBitsAndOpcodes) {
  for (const uint8_t bit : {1, 2, 4}) ExpectViolation(EncodeWebSocketFrame({.payload = "{}", .reserved = bit}), 1002);
  for (const uint8_t opcode : {3, 7, 11, 15}) ExpectViolation(EncodeWebSocketFrame({.opcode = opcode}), 1002);
}

TEST_F(WebSocketTest, CutsWrongFragments) {
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kContinuation, .payload = "{}"}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kContinuation, .payload = "{}", .fin = false}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.payload = "{", .fin = false}) + EncodeWebSocketFrame({.payload = "}"}), 1002);
}

TEST_F(WebSocketTest, CutsWrongControlFrames) {
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kPing, .payload = std::string(126, 'x')}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kPing, .payload = "x", .fin = false}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kClose, .payload = ClosePayload(1000), .fin = false}), 1002);
}

TEST_F(WebSocketTest, TakesNoMoreAfterAViolation) {
  RawWebSocket socket = Offender();
  socket.SendBytes(EncodeWebSocketFrame({.payload = "{}", .reserved = 1}) +
                   EncodeWebSocketFrame({.payload = R"({"emit":{"roomId":"geral","event":"late"}})"}));
  ExpectCut(socket, 1002);
  Chat();
  for (const v1::ServerFrame& frame : ana_.frames()) EXPECT_NE(frame.event().event(), "late");
}

// ---- Closing

TEST_F(WebSocketTest, EchoesAClose) {
  for (const uint16_t code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    RawWebSocket socket = Offender();
    socket.Send({.opcode = Frame::kClose, .payload = ClosePayload(code, "até logo")});
    EXPECT_EQ(socket.ReadClose(), code);
    EXPECT_TRUE(socket.ReadToEnd());
  }
  RawWebSocket socket = Offender();
  socket.Send({.opcode = Frame::kClose});
  EXPECT_EQ(socket.ReadClose(), 1005);
  EXPECT_TRUE(socket.ReadToEnd());
}

TEST_F(WebSocketTest, CutsAWrongClose) {
  for (const uint16_t code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kClose, .payload = ClosePayload(code)}), 1002);
  }
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kClose, .payload = "\x03"}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kClose, .payload = ClosePayload(1000, "\xff")}), 1007);
}

TEST_F(WebSocketTest, EndsTheSessionAtItsClose) {
  RawWebSocket socket = Offender();
  socket.Send({.opcode = Frame::kClose, .payload = ClosePayload(1000)});
  EXPECT_TRUE(ChatUntil([&] { return server_.Get("/api/rooms/geral").Json().at("memberCount") == 2; }));
}

// ---- Subprotocols

TEST_F(WebSocketTest, SpeaksTheFirstSubprotocolItKnows) {
  const auto choose = [&](const std::string& offered) {
    RawWebSocket socket(server_.http_port(), {.subprotocol = offered});
    if (!socket.open()) return absl::StrCat("status ", socket.handshake().status);
    const auto& headers = socket.handshake().headers;
    EXPECT_EQ(headers.at("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const auto it = headers.find("sec-websocket-protocol");
    return it == headers.end() ? std::string("none") : it->second;
  };
  EXPECT_EQ(choose(""), "none");
  EXPECT_EQ(choose("atrium.v1.json"), "atrium.v1.json");
  EXPECT_EQ(choose("other, atrium.v1.proto, atrium.v1.json"), "atrium.v1.proto");
  EXPECT_EQ(choose("other"), "status 400");
}

TEST_F(WebSocketTest, SpeaksJsonWithoutASubprotocol) {
  RawWebSocket socket(server_.http_port(), {.subprotocol = ""});
  socket.SendText(kHello);
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"welcome":{"sessionId":"s)"));
}

TEST_F(WebSocketTest, RefusesTheOtherKindOfMessage) {
  RawWebSocket json = Offender();
  json.Send({.opcode = Frame::kBinary, .payload = kEcho});
  EXPECT_THAT(json.ReadMessage(),
              AllOf(HasSubstr(R"({"reply":{"id":0,"error":{"code":3)"), HasSubstr("text messages")));
  EXPECT_TRUE(Answers(json));

  RawWebSocket proto(server_.http_port(), {.subprotocol = "atrium.v1.proto"});
  proto.SendText(kHello);
  v1::ServerFrame frame;
  ASSERT_TRUE(frame.ParseFromString(proto.ReadMessage()));
  EXPECT_EQ(frame.reply().error().code(), 3);
  v1::ClientFrame hello;
  hello.mutable_hello();
  proto.Send({.opcode = Frame::kBinary, .payload = hello.SerializeAsString()});
  ASSERT_TRUE(frame.ParseFromString(proto.ReadMessage()));
  EXPECT_TRUE(frame.has_welcome());
}

}  // namespace
}  // namespace atrium
