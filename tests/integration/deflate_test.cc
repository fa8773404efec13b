// permessage-deflate (RFC 7692) on the wire.
#include "tests/support/deflate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/bystanders.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Frame = WebSocketFrame;

constexpr char kOffer[] = "permessage-deflate; client_max_window_bits";
constexpr char kHello[] = R"({"id":1,"hello":{}})";
constexpr char kEcho[] = R"({"id":9,"emit":{"roomId":"geral","event":"echo","data":"olá 👋","includeSelf":true}})";
constexpr uint8_t kCompressed = Frame::kCompressed;

Frame Compressed(absl::string_view text) { return {.payload = DeflateMessage(text), .reserved = kCompressed}; }

// A message as it lay on the wire, and what it says.
struct Message {
  bool compressed = false;
  size_t size = 0;
  std::string text;
};

class DeflateTest : public BystandersTest {
 protected:
  explicit DeflateTest(const TestServer::Flags& flags = {}) : BystandersTest(flags) {}

  RawWebSocket Connect(const std::string& extensions, const std::string& hello = kHello) {
    RawWebSocket::Options options;
    options.extensions = extensions;
    RawWebSocket socket(server_.http_port(), options);
    if (socket.open()) socket.SendText(hello);
    return socket;
  }

  // A member of `geral`.
  RawWebSocket Enter(const std::string& extensions) {
    RawWebSocket socket = Connect(extensions);
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
    Join(socket, "geral");
    return socket;
  }

  static Message Join(RawWebSocket& socket, const std::string& room) {
    socket.SendText(absl::StrCat(R"({"id":2,"join":{"roomId":")", room, R"("}})"));
    return WaitFor(socket, R"({"reply":{"id":2,"join")");
  }

  // The next message that begins so or has that in it.
  static Message WaitFor(RawWebSocket& socket, absl::string_view what) {
    while (const auto frame = socket.Read()) {
      if (frame->opcode != Frame::kText) continue;
      EXPECT_TRUE(frame->reserved == 0 || frame->reserved == kCompressed);
      Message message{.compressed = frame->reserved == kCompressed, .size = frame->payload.size()};
      message.text = message.compressed ? InflateMessage(frame->payload) : frame->payload;
      if (absl::StrContains(message.text, what)) return message;
    }
    ADD_FAILURE() << "nothing has come with " << what;
    return {};
  }

  void ExpectViolation(const std::string& bytes, int code) {
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 40)));
    RawWebSocket socket = Enter(kOffer);
    socket.SendBytes(bytes);
    ExpectCut(socket, code);
    Chat();
  }

  double Frames(const char* result) {
    return server_.Metric(absl::StrCat("atrium_deflate_frames_total{result=\"", result, "\"}"));
  }
};

// What compresses well.
std::string Words(size_t size) {
  std::string words;
  for (int i = 0; words.size() < size; ++i) absl::StrAppend(&words, "message number ", i, " of user ", i % 7, ", ");
  return words.substr(0, size);
}

// ---- Negotiation

TEST_F(DeflateTest, IsAnsweredWhereItIsOffered) {
  const auto answer = [&](const std::string& offer) {
    RawWebSocket socket = Connect(offer);
    if (!socket.open()) return absl::StrCat("status ", socket.handshake().status);
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
    const auto& headers = socket.handshake().headers;
    const auto it = headers.find("sec-websocket-extensions");
    return it == headers.end() ? std::string("none") : it->second;
  };
  const std::string accepted = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  EXPECT_EQ(answer(""), "none");
  EXPECT_EQ(answer(kOffer), accepted);
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=9"), "none");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=15"), accepted + "; server_max_window_bits=15");
  EXPECT_EQ(answer("permessage-deflate; unknown=1\r\nSec-WebSocket-Extensions: permessage-deflate"), accepted);
  EXPECT_EQ(answer("permessage-deflate; unknown=1, other"), "none");
  EXPECT_EQ(answer("permessage-deflate; a="), "status 400");
  EXPECT_TRUE(Eventually([&] { return server_.Metric("atrium_deflate_connections") == 0; }));
  RawWebSocket one = Enter(kOffer);
  RawWebSocket other = Enter("");
  EXPECT_EQ(server_.Metric("atrium_deflate_connections"), 1);
  EXPECT_EQ(server_.Metric("atrium_connections{transport=\"websocket-json\"}"), 3) << "with ana's";
}

// ---- From clients

TEST_F(DeflateTest, TakesCompressedMessagesAndOthers) {
  RawWebSocket socket = Enter(kOffer);
  for (int i = 0; i < 3; ++i) {
    socket.Send(Compressed(kEcho));
    EXPECT_THAT(WaitFor(socket, R"({"event":)").text, HasSubstr(R"("data":"olá 👋")"));
    socket.SendText(kEcho);
    EXPECT_THAT(WaitFor(socket, R"({"event":)").text, HasSubstr(R"("data":"olá 👋")"));
  }
  const std::string large = absl::StrCat(R"({"id":7,"emit":{"roomId":"geral","event":"large","data":")", Words(65'000),
                                         R"(","includeSelf":true}})");
  socket.Send(Compressed(large));
  EXPECT_THAT(WaitFor(socket, R"("event":"large")").text, HasSubstr(Words(65'000)));
  socket.Send(Compressed(""));
  EXPECT_THAT(WaitFor(socket, R"({"reply":{"id":0,"error":)").text, HasSubstr("INVALID"));
  EXPECT_TRUE(Answers(socket));
}

TEST_F(DeflateTest, PutsFragmentsTogetherBeforeItUnpacksThem) {
  RawWebSocket socket = Enter(kOffer);
  const std::string payload = DeflateMessage(kEcho);
  for (size_t cut = 0; cut <= payload.size(); ++cut) {
    socket.Send({.payload = payload.substr(0, cut), .fin = false, .reserved = kCompressed});
    if (cut % 10 == 0) socket.Send({.opcode = Frame::kPing, .payload = "in between"});
    socket.Send({.opcode = Frame::kContinuation, .payload = payload.substr(cut)});
    WaitFor(socket, R"("event":"echo")");
  }
  for (const char byte : EncodeWebSocketFrame(Compressed(kEcho))) socket.SendBytes(std::string(1, byte));
  WaitFor(socket, R"("event":"echo")");
}

TEST_F(DeflateTest, CutsWhatUnpacksToTooMuch) {
  // 50 MB in 50 kB.
  const std::string bomb = DeflateMessage(std::string(50'000'000, ' '));
  ASSERT_LT(bomb.size(), 60'000u);
  ExpectViolation(EncodeWebSocketFrame({.payload = bomb, .reserved = kCompressed}), 1009);
  ExpectViolation(EncodeWebSocketFrame(Compressed(std::string(65'537, ' '))), 1009);
  RawWebSocket socket = Enter(kOffer);
  std::string text = R"({"id":77})";
  text.resize(65'536, ' ');
  socket.Send(Compressed(text));
  EXPECT_THAT(WaitFor(socket, R"({"reply":{"id":77,)").text, HasSubstr("must hold a request"));
}

TEST_F(DeflateTest, CutsWhatIsNotCompressedThoughItSaysSo) {
  ExpectViolation(EncodeWebSocketFrame({.payload = kEcho, .reserved = kCompressed}), 1007);
  ExpectViolation(EncodeWebSocketFrame({.payload = "", .reserved = kCompressed}), 1007);
  const std::string whole = DeflateMessage(kEcho);
  ExpectViolation(EncodeWebSocketFrame({.payload = whole.substr(0, whole.size() / 2), .reserved = kCompressed}), 1007);
  ExpectViolation(EncodeWebSocketFrame(Compressed("{\"id\":\"\xff\"}")), 1007);
}

TEST_F(DeflateTest, CutsWrongReservedBits) {
  const std::string half = DeflateMessage(kEcho).substr(0, 10);
  ExpectViolation(EncodeWebSocketFrame({.opcode = Frame::kPing, .reserved = kCompressed}), 1002);
  ExpectViolation(EncodeWebSocketFrame({.payload = half, .fin = false, .reserved = kCompressed}) +
                      EncodeWebSocketFrame({.opcode = Frame::kContinuation, .payload = half, .reserved = kCompressed}),
                  1002);
  for (const uint8_t bits : {1, 2, 5, 6, 7}) {
    ExpectViolation(EncodeWebSocketFrame({.payload = half, .reserved = bits}), 1002);
  }
  // Where nothing was agreed on.
  RawWebSocket socket = Enter("");
  socket.Send(Compressed(kEcho));
  ExpectCut(socket, 1002);
}

TEST_F(DeflateTest, TakesNoMoreAfterABrokenMessage) {
  RawWebSocket socket = Enter(kOffer);
  socket.SendBytes(EncodeWebSocketFrame({.payload = "\xff\xff", .reserved = kCompressed}) +
                   EncodeWebSocketFrame({.payload = R"({"emit":{"roomId":"geral","event":"late"}})"}));
  ExpectCut(socket, 1007);
  Chat();
  for (const v1::ServerFrame& frame : ana_.frames()) EXPECT_NE(frame.event().event(), "late");
}

// ---- To clients

TEST_F(DeflateTest, GivesAllMembersTheSameAndCompressesItOnce) {
  std::vector<RawWebSocket> with;
  for (int i = 0; i < 3; ++i) with.push_back(Enter(kOffer));
  RawWebSocket without = Enter("");
  const double before = Frames("smaller");
  const std::string data = Words(20'000);
  Chat(absl::StrCat("\"", data, "\""));
  const Message plain = WaitFor(without, "message number");
  EXPECT_FALSE(plain.compressed);
  for (RawWebSocket& socket : with) {
    const Message message = WaitFor(socket, "message number");
    EXPECT_TRUE(message.compressed);
    EXPECT_LT(message.size, plain.size / 3);
    EXPECT_EQ(message.text, plain.text);
  }
  EXPECT_EQ(Frames("smaller"), before + 1);
  EXPECT_GT(server_.Metric("atrium_deflate_seconds_total"), 0);
  const double from = server_.Metric("atrium_deflate_uncompressed_bytes_total");
  EXPECT_GE(from, 3.0 * static_cast<double>(plain.size));
  EXPECT_LT(server_.Metric("atrium_deflate_compressed_bytes_total"), from / 3);
}

TEST_F(DeflateTest, LeavesShortFramesAsTheyAre) {
  RawWebSocket socket = Enter(kOffer);
  Chat(R"("short")");
  EXPECT_FALSE(WaitFor(socket, "short").compressed);
  EXPECT_EQ(Frames("smaller") + Frames("not_smaller"), 0);
  Chat(absl::StrCat(R"("a)", std::string(700, 'x'), "\""));
  EXPECT_FALSE(WaitFor(socket, "xxxx").compressed) << "with all around it, less than 1024";
  Chat(absl::StrCat(R"("b)", std::string(1000, 'x'), "\""));
  EXPECT_TRUE(WaitFor(socket, "bxxx").compressed);
  EXPECT_EQ(Frames("smaller"), 1);
}

TEST_F(DeflateTest, CompressesWhateverIsLong) {
  bia_.Join("notes", absl::StrCat(R"({"a":")", Words(30'000), "\"}"));
  RawWebSocket with = Connect(kOffer);
  RawWebSocket without = Connect("");
  const auto welcome = WaitFor(with, "welcome").text;
  WaitFor(without, "welcome");
  const auto both = [&](absl::string_view what) {
    const Message message = WaitFor(with, what);
    const Message plain = WaitFor(without, what);
    EXPECT_TRUE(message.compressed) << what;
    EXPECT_LT(message.size, plain.size / 3) << what;
    EXPECT_FALSE(plain.compressed) << what;
    return std::pair(message.text, plain.text);
  };
  // A join's reply, and others.
  for (RawWebSocket* socket : {&with, &without}) {
    socket->SendText(R"({"id":2,"join":{"roomId":"notes"}})");
    socket->SendText(R"({"id":3,"getState":{"roomId":"notes"}})");
  }
  both(R"({"reply":{"id":2,"join")");
  const auto [state, plain_state] = both(R"({"reply":{"id":3,"getState")");
  EXPECT_EQ(state.substr(0, 20'000), plain_state.substr(0, 20'000));
  // A patch, and an event that is not recorded.
  bia_.SetState("notes", absl::StrCat(R"({"b":")", Words(10'000), "\"}"));
  const auto [patch, plain_patch] = both(R"({"patch":)");
  EXPECT_EQ(patch, plain_patch);
  v1::ClientFrame frame = EmitFrame("notes", "gone", absl::StrCat("\"", Words(5000), "\""));
  frame.mutable_emit()->set_volatile_(true);
  bia_.Ask(frame);
  const auto [event, plain_event] = both(R"("event":"gone")");
  EXPECT_EQ(event, plain_event);
  // A snapshot, of a room that a service brings it into.
  ana_.Join("brought", absl::StrCat(R"({"a":")", Words(30'000), "\"}"));
  const size_t at = welcome.find("\"sessionId\":\"") + 13;
  const std::string id = welcome.substr(at, welcome.find('"', at) - at);
  EXPECT_EQ(server_.Post("/api/rooms/brought/members", absl::StrCat(R"({"memberId":")", id, "\"}")).status, 200);
  EXPECT_TRUE(WaitFor(with, R"({"snapshot":)").compressed);
}

TEST_F(DeflateTest, WorksOverBinaryMessagesToo) {
  TestClient client(server_, Door::kDeflatedProto);
  client.Join("geral");
  const double before = Frames("smaller");
  Chat(absl::StrCat("\"", Words(20'000), "\""));
  EXPECT_EQ(client.WaitForEvent("geral", "chat").data().string_value(), Words(20'000));
  EXPECT_EQ(Frames("smaller"), before + 1);
}

// ---- Coming back

TEST_F(DeflateTest, GoesOnWithAndWithoutIt) {
  auto socket = std::make_unique<RawWebSocket>(Connect(kOffer));
  std::string token;
  const auto remember_token = [&] {
    std::string welcome = WaitFor(*socket, "welcome").text;
    const size_t at = welcome.find("\"resumeToken\":\"") + 15;
    token = welcome.substr(at, welcome.find('"', at) - at);
    return welcome;
  };
  remember_token();
  Join(*socket, "geral");
  for (int round = 0; round < 6; ++round) {
    const bool compressed = round % 2 == 1;
    socket = nullptr;
    Chat(absl::StrCat(R"("missed )", round, " ", Words(3000), "\""));
    socket = std::make_unique<RawWebSocket>(
        Connect(compressed ? kOffer : "", absl::StrCat(R"({"hello":{"resumeToken":")", token, "\"}}")));
    EXPECT_THAT(remember_token(), HasSubstr(R"("resumed":true)"));
    const Message missed = WaitFor(*socket, absl::StrCat("missed ", round));
    // Either it comes over a connection that takes none, or it was made for one.
    EXPECT_FALSE(missed.compressed);
    Chat(absl::StrCat(R"("then )", round, " ", Words(3000), "\""));
    EXPECT_EQ(WaitFor(*socket, absl::StrCat("then ", round)).compressed, compressed);
  }
}

TEST_F(DeflateTest, AMessageThatIsHalfThereGoesToTheOtherShardToo) {
  std::string token;
  // New connections come to the shards in turn, and a session stays where it began.
  for (int i = 0; i < 6; ++i) {
    RawWebSocket::Options options;
    options.extensions = kOffer;
    const std::string echo = EncodeWebSocketFrame(Compressed(R"({"id":5,"getState":{"roomId":"geral"}})"));
    options.behind_request =
        EncodeWebSocketFrame(Compressed(absl::StrCat(R"({"hello":{"resumeToken":")", token, "\"}}"))) +
        echo.substr(0, 15);
    RawWebSocket socket(server_.http_port(), options);
    const std::string welcome = WaitFor(socket, "welcome").text;
    EXPECT_EQ(absl::StrContains(welcome, R"("resumed":true)"), i > 0);
    const size_t at = welcome.find("\"resumeToken\":\"") + 15;
    token = welcome.substr(at, welcome.find('"', at) - at);
    socket.SendBytes(echo.substr(15));
    WaitFor(socket, R"({"reply":{"id":5,)");
  }
}

TEST_F(DeflateTest, WhatIsMadeAnewForWhoComesBackIsCompressed) {
  // Nobody in the room wants JSON yet.
  bia_.Join("other");
  const v1::Position since = bia_.Emit("other", "first").emit().position();
  bia_.Emit("other", "chat", absl::StrCat("\"", Words(20'000), "\""));
  RawWebSocket socket = Connect(kOffer);
  socket.SendText(absl::StrCat(R"({"id":2,"join":{"roomId":"other","since":{"epoch":")", since.epoch(),
                               R"(","offset":")", since.offset(), R"("}}})"));
  EXPECT_THAT(WaitFor(socket, R"({"reply":{"id":2,"join")").text, HasSubstr(R"("recovered":true)"));
  EXPECT_TRUE(WaitFor(socket, R"("event":"chat")").compressed);
}

// ---- Settings

class CompressNothingTest : public DeflateTest {
 protected:
  CompressNothingTest() : DeflateTest({"--websocket-compress-above=0"}) {}
};

TEST_F(CompressNothingTest, ZeroTurnsItOff) {
  RawWebSocket socket = Enter(kOffer);
  EXPECT_EQ(socket.handshake().headers.count("sec-websocket-extensions"), 0u);
  Chat(absl::StrCat("\"", Words(20'000), "\""));
  EXPECT_FALSE(WaitFor(socket, "message number").compressed);
  socket.Send(Compressed(kEcho));
  ExpectCut(socket, 1002);
}

class CompressAllTest : public DeflateTest {
 protected:
  CompressAllTest() : DeflateTest({"--websocket-compress-above=1"}) {}
};

TEST_F(CompressAllTest, AWelcomeIsNeverCompressed) {
  RawWebSocket socket = Connect(kOffer);
  EXPECT_FALSE(WaitFor(socket, "welcome").compressed) << "it holds a secret, and nothing that repeats";
  Join(socket, "geral");
  Chat(absl::StrCat("\"", Words(200), "\""));
  EXPECT_TRUE(WaitFor(socket, "message number").compressed);
}

}  // namespace
}  // namespace atrium
