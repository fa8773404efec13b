// A server whose data directory is taken away while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_directory.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

constexpr char kMessage[] = R"({"user":"ci","text":"hi"})";

class LostDirectoryTest : public testing::Test {
 protected:
  HttpReply Write() const { return server_.Post("/api/rooms/chat:den/messages", kMessage); }
  bool ServingIs(bool serving) const {
    const auto health = Health::NewStub(GrpcChannel(server_.grpc_port()));
    return Eventually([&] {
      HealthCheckResponse response;
      CallGrpc(*health, &Health::Stub::Check, HealthCheckRequest(), response);
      const bool ready = server_.GetFromAdmin("/readyz").status == 200;
      return (response.status() == HealthCheckResponse::SERVING) == serving && ready == serving;
    });
  }
  int LinesOf(const std::string& log, const std::string& message) const {
    int lines = 0;
    for (size_t at = 0; (at = log.find(message, at)) != std::string::npos; ++at) ++lines;
    return lines;
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path() + "/data";
  const std::string away_ = temp_.path() + "/away";
  TestServer server_{{"--data-dir=" + directory_}};
};

TEST_F(LostDirectoryTest, AcknowledgesNothingAndSaysThatItIsNotReady) {
  TestClient ana(server_, Door::kJson, "ana");
  ASSERT_EQ(server_.Post("/api/rooms/chat:den/members", absl::StrCat(R"({"memberId":")", ana.id(), "\"}")).status, 200);
  ASSERT_EQ(Write().status, 200);
  EXPECT_TRUE(ServingIs(true));
  testing::internal::CaptureStderr();
  std::filesystem::remove_all(directory_);
  const HttpReply refused = Write();
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("The room cannot be stored or read now"));
  ana.WaitFor([](const v1::ServerFrame& frame) { return frame.left().room_id() == "chat:den"; }, "left");
  EXPECT_TRUE(ServingIs(false));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Write().status, 503);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(LinesOf(log, "durable rooms cannot be stored"), 1) << log;
  EXPECT_THAT(log, HasSubstr(absl::StrCat(directory_, "/lock: No such file or directory")));
  // Other rooms are in memory.
  EXPECT_TRUE(ana.Join("plain").has_join());
}

TEST_F(LostDirectoryTest, SaysSoThoughNobodyWritesAndIsReadyWhenItIsBack) {
  ASSERT_EQ(Write().status, 200);
  std::filesystem::rename(directory_, away_);
  EXPECT_TRUE(ServingIs(false));
  std::filesystem::rename(away_, directory_);
  EXPECT_TRUE(ServingIs(true));
  EXPECT_TRUE(Eventually([&] { return Write().status == 200; }));
}

}  // namespace
}  // namespace atrium
