// A server that runs out of file descriptors: it goes on, and says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_health.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/tcp_socket.h"

namespace atrium {
namespace {

using testing::HasSubstr;

class DescriptorsTest : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<std::string> WithFewDescriptors() {
    std::vector<std::string> words = {"-c", R"(ulimit -n 80; exec "$0" "$@")", ATRIUMD_PATH};
    words.insert(words.end(), kFreePorts.begin(), kFreePorts.end());
    words.emplace_back("--shards=2");
    return words;
  }

  HttpReply Get(uint16_t port, const std::string& path) const { return CallHttp(port, {.path = path}); }

  Process atriumd_{"/bin/sh", WithFewDescriptors()};
  const std::string ready_ = atriumd_.ReadLine();
  const uint16_t grpc_ = PortOf(ready_, "grpc=127.0.0.1:");
  const uint16_t http_ = PortOf(ready_, "http=127.0.0.1:");
  const uint16_t admin_ = PortOf(ready_, "admin=127.0.0.1:");
};

TEST_P(DescriptorsTest, ServesAgainWhenTheyComeBack) {
  ASSERT_TRUE(GrpcServes(grpc_));
  std::vector<std::unique_ptr<TcpSocket>> idle;
  const uint16_t port = PortOf(ready_, GetParam());
  for (int i = 0; i < 150; ++i) idle.push_back(std::make_unique<TcpSocket>(port));
  // Those in reserve are there for whoever operates it.
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(Get(admin_, "/metrics").body, "atrium_refusals_total{limit=\"descriptors\"} 1");
  }));
  EXPECT_EQ(Get(admin_, "/livez").status, 200);
  EXPECT_EQ(Get(admin_, "/readyz").status, 200) << "it accepts, though only to refuse";
  idle.clear();
  EXPECT_TRUE(Eventually([&] { return GrpcServes(grpc_) && Get(http_, "/healthz").status == 200; }));
  atriumd_.Signal(SIGTERM);
  EXPECT_EQ(atriumd_.ExitCode(), 0);
  const std::string log = atriumd_.ReadErr();
  EXPECT_THAT(log, HasSubstr("raise RLIMIT_NOFILE"));
  EXPECT_THAT(log, HasSubstr(R"("limit":"descriptors")"));
}

INSTANTIATE_TEST_SUITE_P(Doors, DescriptorsTest, testing::Values("grpc=127.0.0.1:", "http=127.0.0.1:"),
                         [](const auto& info) { return std::string(info.param, 4); });

}  // namespace
}  // namespace atrium
