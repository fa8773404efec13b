// Clients that send more than is their due, each in its way: what they may have done is bounded, and the other members
// notice nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/bystanders.h"
#include "tests/support/deflate.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using Frame = WebSocketFrame;

constexpr char kHello[] = R"({"id":1,"hello":{}})";

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// The rate is such that the members may chat as a test does.
class AttackTest : public BystandersTest {
 protected:
  static constexpr int kRate = 200;
  explicit AttackTest(const std::string& more = "--shards=2")
      : BystandersTest({absl::StrCat("--session-rate=", kRate), absl::StrCat("--session-burst=", 2 * kRate), more}) {}

  RawWebSocket Connect(const std::string& extensions = "") {
    RawWebSocket::Options options;
    options.extensions = extensions;
    return RawWebSocket(server_.http_port(), options);
  }
  RawWebSocket Greet(const std::string& extensions = "") {
    RawWebSocket socket = Connect(extensions);
    socket.SendText(kHello);
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
    return socket;
  }

  double Requests() { return server_.Metric("atrium_client_requests_total{transport=\"websocket-json\"}"); }
  double Closes(int code) { return server_.Metric(absl::StrCat("atrium_closes_total{code=\"", code, "\"}")); }

  // Ten clients send `bytes`, in each of which are so many requests, while the members chat.
  void Attack(const std::string& bytes, int requests, const std::string& extensions = "") {
    std::vector<RawWebSocket> attackers;
    for (int i = 0; i < 10; ++i) attackers.push_back(Greet(extensions));
    const double before = Requests();
    const absl::Time start = absl::Now();
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (RawWebSocket& attacker : attackers) {
      threads.emplace_back([&] {
        while (!stop && attacker.SendBytes(bytes)) {
        }
      });
    }
    for (int i = 0; i < 20; ++i) {
      Chat();
      absl::SleepFor(absl::Milliseconds(20));
    }
    const double dealt_with = Requests() - before;
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    stop = true;
    for (RawWebSocket& attacker : attackers) attacker.ShutdownSend();
    for (std::thread& thread : threads) thread.join();
    attackers.clear();
    // As many pass as are refused.
    EXPECT_LE(dealt_with, 10 * 2 * (2 * kRate + kRate * seconds) / requests + 100);
  }
};

TEST_F(AttackTest, RequestsOverTheRateAreRefusedAndThenReadLater) {
  Attack(Repeat(EncodeWebSocketFrame({.payload = R"({"id":7,"getState":{"roomId":"geral"}})"}), 1000), 1);
}

TEST_F(AttackTest, MessagesThatUnpackToMuchCountForThat) {
  std::string text = R"({"id":7,"getState":{"roomId":"geral"}})";
  text.resize(65'000, ' ');
  Attack(Repeat(EncodeWebSocketFrame({.payload = DeflateMessage(text), .reserved = Frame::kCompressed}), 1000),
         /*requests=*/4, "permessage-deflate");
}

TEST_F(AttackTest, LargeMessagesThatAreNotJsonCountForTheirSize) {
  Attack(EncodeWebSocketFrame({.payload = absl::StrCat("{\"id\":7,", std::string(60'000, '['))}), /*requests=*/4);
}

TEST_F(AttackTest, FragmentsOfNothingCount) {
  RawWebSocket socket = Greet();
  std::thread sender([&] {
    socket.Send({.payload = "", .fin = false});
    const std::string fragments = Repeat(EncodeWebSocketFrame({.opcode = Frame::kContinuation, .fin = false}), 1000);
    while (socket.SendBytes(fragments)) {
    }
  });
  EXPECT_TRUE(ChatUntil([&] {
    absl::SleepFor(absl::Milliseconds(20));
    return Closes(1008) >= 1;
  }));
  sender.join();
}

TEST_F(AttackTest, PingsCount) {
  RawWebSocket socket = Greet();
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    const std::string pings = Repeat(EncodeWebSocketFrame({.opcode = Frame::kPing}), 1000);
    while (!stop && socket.SendBytes(pings)) {
    }
  });
  for (int i = 0; i < 10; ++i) {
    Chat();
    absl::SleepFor(absl::Milliseconds(20));
  }
  stop = true;
  socket.ShutdownSend();
  sender.join();
}

TEST_F(AttackTest, WhoGoesOnIsClosed) {
  RawWebSocket socket = Greet();
  std::thread sender([&] {
    const std::string requests = Repeat(EncodeWebSocketFrame({.payload = R"({"id":7,"leave":{"roomId":"x"}})"}), 1000);
    while (socket.SendBytes(requests)) {
    }
  });
  std::string last;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  for (std::string message; !(message = socket.ReadMessage(deadline)).empty();) last = message;
  EXPECT_THAT(last, HasSubstr(R"({"goodbye":{"code":1008,)"));
  sender.join();
}

// ---- Before the hello

TEST_F(AttackTest, LittleMayBeSaidBeforeTheHello) {
  RawWebSocket socket = Connect();
  for (int i = 0; i < 20; ++i) {
    socket.SendText("rubbish");
    EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":0,"error")"));
  }
  socket.SendText(kHello);
  ExpectCut(socket, 1008);
  RawWebSocket polite = Connect();
  for (int i = 0; i < 19; ++i) polite.SendText("rubbish");
  polite.SendText(kHello);
  for (int i = 0; i < 19; ++i) polite.ReadMessage();
  EXPECT_THAT(polite.ReadMessage(), HasSubstr("welcome"));
}

TEST_F(AttackTest, LargeMessagesBeforeTheHelloCountForTheirSize) {
  RawWebSocket socket = Connect();
  for (int i = 0; i < 6; ++i) socket.SendText(std::string(60'000, ' '));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr("error"));
  ExpectCut(socket, 1008);
}

// ---- Half a message

class HalfMessageTest : public AttackTest {
 protected:
  HalfMessageTest() : AttackTest("--message-timeout=500ms") {}
};

TEST_F(HalfMessageTest, IsCutAfterItsTimeout) {
  RawWebSocket frame = Greet(), message = Greet(), patient = Greet();
  frame.SendBytes(EncodeWebSocketFrame({.payload = R"({"id":7})"}).substr(0, 8));
  message.Send({.payload = "{", .fin = false});
  EXPECT_TRUE(ChatUntil([&] {
    // What it sends meanwhile makes no difference.
    message.Send({.opcode = Frame::kContinuation, .payload = " ", .fin = false});
    message.Send({.opcode = Frame::kPing});
    absl::SleepFor(absl::Milliseconds(50));
    return Closes(1008) >= 2;
  }));
  EXPECT_EQ(frame.ReadClose(), 1008);
  EXPECT_EQ(message.ReadClose(), 1008);
  patient.SendText(R"({"id":9,"join":{"roomId":"geral"}})");
  EXPECT_THAT(patient.ReadMessage(), HasSubstr(R"({"reply":{"id":9,"join")"));
}

// ---- Without a rate: turns are short all the same, and nothing changes its order

class TurnsTest : public BystandersTest {};

TEST_F(TurnsTest, WhatCameInOneReadIsDealtWithInItsOrder) {
  RawWebSocket socket = Offender();
  std::string bytes;
  constexpr int kRequests = 3000;
  for (int i = 10; i < 10 + kRequests; ++i) {
    bytes += EncodeWebSocketFrame({.payload = absl::StrCat(R"({"id":)", i, R"(,"leave":{"roomId":"x"}})")});
  }
  socket.SendBytes(bytes);
  for (int i = 10; i < 10 + kRequests; ++i) {
    ASSERT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat(R"({"reply":{"id":)", i, ",")));
  }
}

TEST_F(TurnsTest, WhatCameBehindItsHandshakeTakesItsTurnsToo) {
  std::string bytes = EncodeWebSocketFrame({.payload = kHello});
  for (int i = 10; i < 400; ++i) {
    bytes += EncodeWebSocketFrame({.payload = absl::StrCat(R"({"id":)", i, R"(,"leave":{"roomId":"x"}})")});
  }
  RawWebSocket socket(server_.http_port(), {.behind_request = bytes});
  EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
  for (int i = 10; i < 400; ++i) {
    ASSERT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat(R"({"reply":{"id":)", i, ",")));
  }
}

// ---- gRPC

class ConnectTest : public AttackTest {
 protected:
  // Sends that on a stream of its own. How it ends, with `replies` to what came before.
  grpc::Status Send(const v1::ClientFrames& frames, size_t wanted, std::vector<v1::Reply>& replies) {
    const auto stub = v1::SessionService::NewStub(GrpcChannel(server_.grpc_port()));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    const auto stream = stub->Connect(&context);
    stream->Write(frames);
    v1::ServerFrames answer;
    while (replies.size() < wanted && stream->Read(&answer)) {
      for (const v1::ServerFrame& frame : answer.frames()) {
        if (frame.has_reply()) replies.push_back(frame.reply());
      }
    }
    stream->WritesDone();
    while (stream->Read(&answer)) {
    }
    return stream->Finish();
  }
};

TEST_F(ConnectTest, AMessageMayHold1000Frames) {
  v1::ClientFrames frames;
  frames.add_frames()->mutable_hello();
  for (int i = 1; i <= 1000; ++i) frames.add_frames()->mutable_leave()->set_room_id("x");
  std::vector<v1::Reply> replies;
  EXPECT_THAT(Send(frames, 1, replies),
              StatusIs(absl::StatusCode::kInvalidArgument, "a message may hold 1000 frames (1009)"));
  EXPECT_TRUE(replies.empty());
}

TEST_F(ConnectTest, EachFrameOfAMessageCountsAndIsAnswered) {
  v1::ClientFrames frames;
  frames.add_frames()->mutable_hello();
  for (uint32_t i = 1; i < 1000; ++i) {
    frames.add_frames()->set_id(i);
    frames.mutable_frames(static_cast<int>(i))->mutable_leave()->set_room_id("x");
  }
  std::vector<v1::Reply> replies;
  std::thread bystanders([&] {
    for (int i = 0; i < 20; ++i) Chat();
  });
  EXPECT_TRUE(Send(frames, 999, replies).ok());
  bystanders.join();
  ASSERT_EQ(replies.size(), 999u);
  uint32_t passed = 0, refused = 0;
  std::set<uint32_t> ids;
  for (const v1::Reply& reply : replies) {
    ids.insert(reply.id());
    const bool is_refusal = reply.error().code() == static_cast<int>(absl::StatusCode::kResourceExhausted);
    ++(is_refusal ? refused : passed);
  }
  EXPECT_EQ(ids.size(), 999u);
  EXPECT_GE(passed, 400u);
  EXPECT_GT(refused, 100u);
}

TEST_F(ConnectTest, ABrokenFrameEndsTheStreamWhereItStands) {
  v1::ClientFrames frames;
  frames.add_frames()->mutable_hello();
  frames.add_frames()->set_id(1);
  // No string: it is not UTF-8.
  frames.add_frames()->mutable_leave()->set_room_id("\xff");
  std::vector<v1::Reply> replies;
  EXPECT_THAT(Send(frames, 2, replies),
              StatusIs(absl::StatusCode::kInvalidArgument, "not a serialised atrium.v1.ClientFrames (1002)"));
}

}  // namespace
}  // namespace atrium
