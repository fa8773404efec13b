#include "server/grpc/grpc_log.h"

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/time/clock.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using testing::Not;

class GrpcLogTest : public testing::Test {
 protected:
  // gRPC says nothing before it has begun.
  GrpcLogTest() { grpc_init(); }
  ~GrpcLogTest() override { grpc_shutdown(); }

  template <typename Write>
  static std::string Logged(const Write& write) {
    testing::internal::CaptureStderr();
    write();
    return testing::internal::GetCapturedStderr();
  }

  Log log_{LogLevel::kInfo};
};

TEST_F(GrpcLogTest, WritesNoLinesOfItsPeers) {
  const GrpcLog grpc_log(log_);
  const std::string text =
      Logged([] { gpr_log(GPR_ERROR, "bad bytes: %s", "a\"\n{\"level\":\"error\",\"message\":\"forged\"}\xff"); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_THAT(text, HasSubstr(R"("level":"warning","message":"gRPC","error":"bad bytes: a\")"));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
}

TEST_F(GrpcLogTest, WritesSoManyLinesASecond) {
  const GrpcLog grpc_log(log_);
  const std::string text = Logged([] {
    for (int i = 0; i < 1000; ++i) gpr_log(GPR_ERROR, "again");
  });
  // A second may end meanwhile.
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 21) << text;
  absl::SleepFor(absl::Seconds(1));
  EXPECT_THAT(Logged([] { gpr_log(GPR_ERROR, "later"); }),
              HasSubstr(R"("message":"gRPC said more than is told","lines":)"));
}

TEST_F(GrpcLogTest, EndsWithItsLog) {
  { const GrpcLog grpc_log(log_); }
  EXPECT_EQ(Logged([] { gpr_log(GPR_ERROR, "to nobody"); }), "");
}

}  // namespace
}  // namespace atrium
