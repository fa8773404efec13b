// Floods that need no more than HTTP/2, which Debian's gRPC takes from whoever can connect: what of them is bounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_health.h"
#include "tests/support/http_client.h"
#include "tests/support/matchers.h"
#include "tests/support/process.h"
#include "tests/support/tcp_socket.h"

namespace atrium {
namespace {

// Types and flags of RFC 9113 section 6.
enum FrameType : uint8_t { kData = 0, kHeaders = 1, kSettings = 4, kPing = 6, kContinuation = 9 };
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;

std::string BigEndian(uint32_t number, int bytes) {
  std::string text;
  while (bytes-- > 0) text.push_back(static_cast<char>(number >> (8 * bytes)));
  return text;
}

std::string Frame(FrameType type, uint8_t flags, uint32_t stream, const std::string& payload) {
  return absl::StrCat(BigEndian(static_cast<uint32_t>(payload.size()), 3), std::string(1, static_cast<char>(type)),
                      std::string(1, static_cast<char>(flags)), BigEndian(stream, 4), payload);
}

// A field that is not to be indexed, with a name and a value of less than 127 bytes (RFC 7541 section 6.2.2).
std::string Field(const std::string& name, const std::string& value) {
  return absl::StrCat(std::string(1, '\0'), std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

std::string CallOf(const std::string& method) {
  return absl::StrCat("\x83\x86", Field(":path", absl::StrCat("/atrium.v1.RoomService/", method)),
                      Field(":authority", "x"), Field("content-type", "application/grpc"), Field("te", "trailers"));
}

std::string Opening(const std::string& settings = "") {
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(kSettings, 0, 0, settings));
}

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

class Http2AttacksTest : public testing::Test {
 protected:
  static constexpr int kAttackers = 4;
  static constexpr absl::Duration kAttack = absl::Seconds(2);

  static std::vector<std::string> Flags() {
    std::vector<std::string> flags = kFreePorts;
    flags.insert(flags.end(), {"--shards=2", "--memory-limit=256MiB", "--log-level=error"});
    return flags;
  }

  // Each attacker sends `opening`, then `flood` again and again, until it is cut or the time is up. Returns the most
  // memory that the server had meanwhile, in MiB.
  int64_t Attack(const std::string& opening, const std::string& flood) {
    std::atomic<bool> stop = false;
    std::vector<std::unique_ptr<TcpSocket>> sockets;
    std::vector<std::thread> attackers;
    for (int i = 0; i < kAttackers; ++i) {
      TcpSocket& socket = *sockets.emplace_back(std::make_unique<TcpSocket>(grpc_));
      attackers.emplace_back([&] {
        bool open = socket.Send(opening);
        while (open && !stop) {
          std::string ignored;
          if (!flood.empty()) open = socket.Send(flood);
          socket.Receive(ignored, flood.empty() ? absl::Now() + absl::Milliseconds(20) : absl::InfinitePast());
          open = open && !socket.ended();
        }
      });
    }
    int64_t most = 0;
    for (const absl::Time end = absl::Now() + kAttack; absl::Now() < end; absl::SleepFor(absl::Milliseconds(20))) {
      most = std::max(most, ResidentMiB());
      EXPECT_EQ(CallHttp(http_, {.path = "/healthz"}).status, 200) << "the other door goes on";
    }
    stop = true;
    for (const auto& socket : sockets) socket->ShutdownSend();
    for (std::thread& attacker : attackers) attacker.join();
    RecordProperty("MostMiB", static_cast<int>(most));
    return most;
  }

  int64_t ResidentMiB() const {
    std::ifstream file(absl::StrCat("/proc/", atriumd_.pid(), "/statm"));
    int64_t pages = 0;
    file >> pages >> pages;
    return pages * 4096 >> 20;
  }

  Process atriumd_{ATRIUMD_PATH, Flags()};
  const std::string ready_ = atriumd_.ReadLine();
  const uint16_t grpc_ = PortOf(ready_, "grpc=127.0.0.1:");
  const uint16_t http_ = PortOf(ready_, "http=127.0.0.1:");
};

// Of 2.6 GiB it took without an end.
TEST_F(Http2AttacksTest, AFloodOfHeadersIsCut) {
  const std::string headers = Repeat(Field("x-a", std::string(120, 'b')), 128);
  EXPECT_LT(Attack(Opening() + Frame(kHeaders, 0, 1, CallOf("GetStats")), Frame(kContinuation, 0, 1, headers)), 1024);
  EXPECT_TRUE(Eventually([&] { return GrpcServes(grpc_); }));
}

TEST_F(Http2AttacksTest, LargeAnswersThatNobodyReadsAreBounded) {
  const std::string large = absl::StrCat(R"({"state":{"x":")", std::string(1'000'000, 'x'), "\"}}");
  ASSERT_EQ(CallHttp(http_, {.method = "PATCH", .path = "/api/rooms/big/state", .body = large}).status, 200);
  // GetStateRequest{room_id: "big"}
  const std::string request = absl::StrCat(std::string(1, '\0'), BigEndian(5, 4), "\x0a\x03", "big");
  std::string calls;
  for (uint32_t stream = 1; stream < 2000; stream += 2) {
    calls += Frame(kHeaders, kEndHeaders, stream, CallOf("GetState")) + Frame(kData, kEndStream, stream, request);
  }
  // SETTINGS_INITIAL_WINDOW_SIZE is 0.
  EXPECT_LT(Attack(Opening(absl::StrCat(BigEndian(4, 2), BigEndian(0, 4))) + calls, ""), 512);
  EXPECT_TRUE(Eventually([&] { return GrpcServes(grpc_); }));
}

TEST_F(Http2AttacksTest, AFloodOfPingsIsBounded) {
  const std::string ping = Repeat(Frame(kPing, 0, 0, "12345678"), 2000);
  EXPECT_LT(Attack(Opening(), ping), 512);
  EXPECT_TRUE(Eventually([&] { return GrpcServes(grpc_); }));
}

}  // namespace
}  // namespace atrium
