// Readers of a room that come back again and again, that are slow, and that are many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/watching.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

constexpr char kDisconnected[] = "atrium_slow_consumers_total{policy=\"disconnect\"}";

// Readers that lose their connection after every few frames, while many emit.
TEST(WatchResumeTest, HasNoGapAndNoDuplicateOverReconnects) {
  const TestServer server;
  constexpr int kEmitters = 3;
  constexpr int kEach = 150;
  HttpReader first(server.http_port(), "r", Events());
  const std::string start = first.Read()->id;
  std::vector<std::thread> emitters;
  for (int i = 0; i < kEmitters; ++i) {
    emitters.emplace_back([&server] {
      for (int n = 0; n < kEach; ++n) EmitInto(server, "r", "e");
    });
  }
  std::vector<uint64_t> offsets;
  std::string id = start;
  int connections = 0;
  for (bool more = true; more && offsets.size() < kEmitters * kEach; ++connections) {
    HttpReader reader(server.http_port(), "r", Events(id));
    const std::optional<HttpReader::Frame> snapshot = reader.Read();
    ASSERT_TRUE(snapshot.has_value() && snapshot->frame.snapshot().recovered());
    EXPECT_EQ(snapshot->id, id);
    for (int n = 0; n < connections % 7 + 1 && offsets.size() < kEmitters * kEach; ++n) {
      const std::optional<HttpReader::Frame> frame = reader.Read();
      more = frame.has_value();
      ASSERT_TRUE(more) << "after " << offsets.size();
      offsets.push_back(OffsetOf(frame->frame));
      id = frame->id;
    }
  }
  for (std::thread& emitter : emitters) emitter.join();
  ASSERT_EQ(offsets.size(), static_cast<size_t>(kEmitters * kEach));
  for (size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(offsets[i], i + 1);
  EXPECT_GT(connections, 50);
  // One that has stayed has seen the same.
  for (size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(OffsetOf(first.Read()->frame), i + 1);
}

class SlowReaderTest : public testing::TestWithParam<WatchDoor> {
 protected:
  static constexpr size_t kEventBytes = 20'000;

  void Emit() { EmitInto(server_, "r", "bulk", absl::StrCat(R"(,"data":")", std::string(kEventBytes, 'x'), "\"")); }

  TestServer server_{{"--send-queue-bytes=300000", "--history-frames=0", "--history-bytes=0"}};
};

INSTANTIATE_TEST_SUITE_P(Doors, SlowReaderTest,
                         testing::Values(WatchDoor::kGrpc, WatchDoor::kEvents, WatchDoor::kLines),
                         [](const auto& info) { return WatchDoorName(info.param); });

TEST_P(SlowReaderTest, LosesItsStreamAloneAndComesBackToWhereItWas) {
  const auto slow = WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), "r");
  v1::Position position = slow->Read()->snapshot().position();
  const auto other = WatchRoom(WatchDoor::kEvents, server_.http_port(), server_.grpc_port(), "r");
  ASSERT_TRUE(other->Read().has_value());
  uint64_t emitted = 0;
  while (emitted < 5000 && server_.Metric(kDisconnected) < 1) {
    // The other reads all along; what it and the kernel hold of the slow one is bounded.
    for (int i = 0; i < 10; ++i) {
      Emit();
      ASSERT_EQ(OffsetOf(other->Read().value_or(v1::ServerFrame())), ++emitted);
    }
  }
  ASSERT_TRUE(server_.MetricReaches(kDisconnected, 1)) << "after " << emitted << " events";
  EXPECT_TRUE(Eventually([&] { return Observers(server_) == 1; }));

  // What it can still read is whole and in order; then it is told, or sees that the stream broke off.
  while (const std::optional<v1::ServerFrame> frame = slow->Read()) {
    ASSERT_EQ(OffsetOf(*frame), position.offset() + 1);
    position.set_offset(OffsetOf(*frame));
  }
  EXPECT_LT(position.offset(), emitted);
  EXPECT_THAT(slow->End(), StatusIs(GetParam() == WatchDoor::kGrpc ? absl::StatusCode::kResourceExhausted
                                                                   : absl::StatusCode::kUnknown));
  const auto back = WatchRoom(GetParam(), server_.http_port(), server_.grpc_port(), "r", &position);
  EXPECT_TRUE(back->Read()->snapshot().recovered());
  while (position.offset() < emitted) {
    ASSERT_EQ(OffsetOf(back->Read().value_or(v1::ServerFrame())), position.offset() + 1);
    position.set_offset(position.offset() + 1);
  }
}

TEST(ManyReadersTest, SeeTheSame) {
  const TestServer server;
  std::vector<std::unique_ptr<RoomReader>> readers;
  for (int i = 0; i < 30; ++i) {
    readers.push_back(WatchRoom(static_cast<WatchDoor>(i % 3), server.http_port(), server.grpc_port(), "r"));
    ASSERT_TRUE(readers.back()->Read().has_value());
  }
  EXPECT_EQ(server.Metric(kGrpcObservers), 10);
  EXPECT_EQ(server.Metric(kSseObservers), 10);
  EXPECT_EQ(server.Metric(kLineObservers), 10);
  for (int i = 0; i < 50; ++i) EmitInto(server, "r", absl::StrCat("e", i));
  std::set<std::vector<std::string>> seen;
  for (const auto& reader : readers) {
    std::vector<std::string> texts;
    for (int i = 0; i < 50; ++i) texts.push_back(reader->Read().value_or(v1::ServerFrame()).ShortDebugString());
    seen.insert(std::move(texts));
  }
  EXPECT_EQ(seen.size(), 1u);
}

}  // namespace
}  // namespace atrium
