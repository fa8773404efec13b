#include "tests/integration/bystanders.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace atrium {

namespace {

// No rate is set unless the test does.
TestServer::Flags Unhurried(TestServer::Flags flags) {
  flags.insert(flags.begin(), "--session-rate=0");
  if (flags.size() > 1 && absl::StartsWith(flags[1], "--session-rate")) flags.erase(flags.begin());
  return flags;
}

}  // namespace

BystandersTest::BystandersTest(const TestServer::Flags& flags)
    : server_(Unhurried(flags)), ana_(server_, Door::kJson), bia_(server_, Door::kGrpc) {
  bia_.Join("geral");
  start_ = ana_.Join("geral").join().position().offset();
}

void BystandersTest::TearDown() {
  for (int i = 0; i < 3; ++i) Chat();
  uint64_t offset = start_;
  for (const v1::ServerFrame& frame : ana_.RoomFrames("geral")) {
    EXPECT_EQ(OffsetOf(frame), ++offset) << frame.ShortDebugString().substr(0, 300);
    if (offset == last_) break;
  }
  EXPECT_EQ(offset, last_);
}

void BystandersTest::Chat(const std::string& data) {
  const v1::Reply reply = bia_.Emit("geral", "chat", data);
  EXPECT_TRUE(reply.emit().success()) << reply.ShortDebugString();
  last_ = reply.emit().position().offset();
  ana_.WaitForOffset("geral", last_);
}

RawWebSocket BystandersTest::Offender(int receive_buffer) {
  RawWebSocket::Options options;
  options.receive_buffer = receive_buffer;
  RawWebSocket socket(server_.http_port(), options);
  EXPECT_TRUE(socket.SendText(R"({"id":1,"hello":{}})"));
  EXPECT_TRUE(absl::StrContains(socket.ReadMessage(), "welcome"));
  EXPECT_TRUE(socket.SendText(R"({"id":2,"join":{"roomId":"geral"}})"));
  EXPECT_TRUE(absl::StrContains(socket.ReadMessage(), R"({"reply":{"id":2,"join")"));
  return socket;
}

bool BystandersTest::Answers(RawWebSocket& socket) {
  if (!socket.SendText(R"({"id":4000000000,"getState":{"roomId":"geral"}})")) return false;
  for (std::string message; !(message = socket.ReadMessage()).empty();) {
    if (absl::StrContains(message, R"({"reply":{"id":4000000000,"getState")")) return true;
  }
  return false;
}

void BystandersTest::ExpectCut(RawWebSocket& socket, int code) {
  std::string last;
  int closed_with = 0;
  while (const auto frame = socket.Read()) {
    if (frame->opcode == WebSocketFrame::kText) last = frame->payload;
    if (frame->opcode != WebSocketFrame::kClose) continue;
    closed_with = CloseCodeOf(frame->payload);
    break;
  }
  EXPECT_EQ(closed_with, code);
  EXPECT_TRUE(absl::StartsWith(last, absl::StrCat(R"({"goodbye":{"code":)", code, ","))) << last;
  socket.Send({.opcode = WebSocketFrame::kClose, .payload = ClosePayload(1000)});
  EXPECT_TRUE(socket.ReadToEnd());
}

}  // namespace atrium
