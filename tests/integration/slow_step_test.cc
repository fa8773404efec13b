// Code of rooms and components that holds up its thread is told of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/matchers.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using rooms::AddMessageRequest;
using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kSlowSteps[] = "atrium_slow_steps_total{type=\"blocking\"}";

void Block() { std::this_thread::sleep_for(std::chrono::milliseconds(130)); }

// Blocks its thread where it is told to, which no room may do.
class BlockingRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "blocking";
  static void Describe(RoomType<BlockingRoom>& type) {
    type.Method("block", &BlockingRoom::BlockAtOnce)
        .Method("later", &BlockingRoom::BlockLater)
        .Method("quick", &BlockingRoom::Quick);
  }

  absl::StatusOr<ChatMessage> BlockAtOnce(const AddMessageRequest&, const CallContext&) {
    Block();
    return ChatMessage();
  }
  Awaitable<absl::StatusOr<ChatMessage>> BlockLater(const AddMessageRequest&, const CallContext&) {
    const auto work = [] { return 1; };
    (co_await Offload(work)).IgnoreError();
    Block();
    co_return ChatMessage();
  }
  // It waits long, and holds nobody up.
  Awaitable<absl::StatusOr<ChatMessage>> Quick(const AddMessageRequest&, const CallContext&) {
    const auto work = [] {
      Block();
      return 1;
    };
    (co_await Offload(work)).IgnoreError();
    co_return ChatMessage();
  }
};

TEST(SlowStepTest, IsLoggedWithTypeRoomMethodAndDurationAndCounted) {
  testing::internal::CaptureStderr();
  {
    const TestServer server({"--log-level=warning"},
                            [](RoomRegistry& registry) { return registry.Add<BlockingRoom>(); });
    EXPECT_EQ(server.Metric(kSlowSteps), 0);
    const auto call = [&](const std::string& method) {
      return server.Post("/api/rooms/blocking:a/methods/" + method, "{}").status;
    };
    EXPECT_EQ(call("quick"), 200);
    EXPECT_EQ(server.Metric(kSlowSteps), 0);
    EXPECT_EQ(call("block"), 200);
    EXPECT_EQ(call("later"), 200);
    EXPECT_TRUE(server.MetricReaches(kSlowSteps, 2));
    EXPECT_EQ(server.Metric("atrium_slow_steps_total{type=\"chat\"}"), 0);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, AllOf(HasSubstr(R"("message":"a step held up its thread","type":"blocking","room":"blocking:a",)"
                                   R"("step":"block","ms":"1)"),
                         HasSubstr(R"("step":"later","ms":"1)"), Not(HasSubstr(R"("step":"quick")"))));
}

}  // namespace
}  // namespace atrium
