#include "server/http/loopback_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/common/errors.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

TEST(LoopbackNamesTest, TakesThoseOfThisMachine) {
  for (const char* host : {"localhost", "LocalHost:8080", "localhost.", "app.localhost:1", "127.0.0.1",
                           "127.0.0.1:8080", "127.8.9.10:1", "[::1]", "[::1]:8080", ""}) {
    EXPECT_TRUE(RequireLoopbackNames(host, "").ok()) << host;
  }
  for (const char* origin : {"http://localhost", "http://localhost:5173", "https://127.0.0.1:8080", "http://[::1]:80",
                             "http://app.localhost"}) {
    EXPECT_TRUE(RequireLoopbackNames("localhost", origin).ok()) << origin;
  }
}

TEST(LoopbackNamesTest, RefusesAllOthersAndNamesThem) {
  for (const char* host : {"evil.example", "evil.example:8080", "localhost.evil.example", "notlocalhost",
                           "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]", "[::1", "::1", "127.1",
                           "2130706433", "localhost..", ".", " localhost", "localhost,evil.example"}) {
    const absl::Status refusal = RequireLoopbackNames(host, "");
    EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kPermissionDenied, testing::HasSubstr(host))) << host;
    EXPECT_EQ(ErrorReason(refusal), "HOST_NOT_ALLOWED");
  }
  for (const char* origin :
       {"null", "http://evil.example", "https://localhost.evil.example", "http://evil.example:8080", "file://",
        "localhost", "http://", "chrome-extension://localhost", "http://localhost,http://evil.example",
        "http://localhost@evil.example", "http://10.0.0.1", " http://localhost"}) {
    const absl::Status refusal = RequireLoopbackNames("localhost", origin);
    EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kPermissionDenied, testing::HasSubstr(origin))) << origin;
    EXPECT_EQ(ErrorReason(refusal), "ORIGIN_NOT_ALLOWED");
  }
}

}  // namespace
}  // namespace atrium
