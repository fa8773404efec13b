// A server that comes to its limits of memory and rooms: newcomers are refused, and who is there goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/common/system_memory.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Memory that is in use, and given back to the system with this object, which a sanitizer's allocator would not do.
class Ballast {
 public:
  explicit Ballast(size_t bytes)
      : bytes_(bytes), begin_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    EXPECT_NE(begin_, MAP_FAILED);
    memset(begin_, 'x', bytes_);
  }
  ~Ballast() { munmap(begin_, bytes_); }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  const size_t bytes_;
  void* const begin_;
};

TEST(MemoryTest, RoomsHaveALimit) {
  const TestServer server({"--max-rooms=3"});
  TestClient ana(server, Door::kJson, "ana");
  // The directory of rooms is none of them, as nobody has asked for it.
  for (const char* room : {"a", "b", "c"}) ana.Join(room);
  const v1::Reply refused = ana.Ask(JoinFrame("d"));
  EXPECT_EQ(refused.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(refused.error().message(), HasSubstr("3 rooms, which is its limit"));
  const HttpReply typed = server.Post("/api/rooms/counter:x/methods/increment", "{}");
  EXPECT_EQ(typed.status, 429);
  EXPECT_THAT(typed.body, HasSubstr("LIMIT"));
  EXPECT_EQ(server.Get("/api/rooms/d").status, 404);

  TestClient bo(server, Door::kGrpc, "bo");
  bo.Join("a");
  EXPECT_EQ(server.Call("DELETE", "/api/rooms/c").status, 200);
  EXPECT_TRUE(Eventually([&] { return ana.Ask(JoinFrame("d")).has_join(); })) << "what goes makes room";
  EXPECT_GE(server.Metric("atrium_refusals_total{limit=\"rooms\"}"), 2);
}

// The server is part of this process, so that what this process takes counts.
TEST(MemoryTest, WhenItIsScarceNewcomersAreRefusedAndSlowReadersGo) {
  const int64_t limit = 2 * (ResidentMemory() + (int64_t{128} << 20));
  TestServer server({absl::StrCat("--memory-limit=", limit), "--send-queue-bytes=0", "--session-rate=0"});
  TestClient ana(server, Door::kJson, "ana");
  TestClient bo(server, Door::kGrpc, "bo");
  ana.Join("chat");
  bo.Join("chat");
  RawWebSocket slow(server.http_port());
  slow.SendText(R"({"hello":{}})");
  slow.SendText(R"({"id":1,"join":{"roomId":"loud"}})");
  ASSERT_THAT(slow.ReadMessage(), HasSubstr("welcome"));
  ASSERT_THAT(slow.ReadMessage(), HasSubstr("loud"));
  const std::string loud = absl::StrCat(R"({"event":"x","data":")", std::string(100'000, 'x'), "\"}");
  for (int i = 0; i < 120; ++i) ASSERT_EQ(server.Post("/api/rooms/loud/emit", loud).status, 200);

  auto ballast = std::make_unique<Ballast>(limit / 100 * 95 - ResidentMemory());
  ASSERT_TRUE(server.MetricReaches("atrium_closes_total{code=\"3008\"}", 1)) << "what waits for slow readers goes";
  RawWebSocket late(server.http_port());
  late.SendText(R"({"hello":{}})");
  EXPECT_THAT(late.ReadMessage(), AllOf(HasSubstr(R"("code":3013)"), HasSubstr("short of memory")));
  EXPECT_EQ(late.ReadClose(), 3013);
  EXPECT_EQ(ana.Ask(JoinFrame("new")).error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(server.GetFromAdmin("/readyz").status, 200);
  ana.Emit("chat", "hello");
  bo.WaitForEvent("chat", "hello");

  ballast = nullptr;
  EXPECT_TRUE(Eventually([&] { return ana.Ask(JoinFrame("new")).has_join(); })) << "and all is as before";
}

}  // namespace
}  // namespace atrium
