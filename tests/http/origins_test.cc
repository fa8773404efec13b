#include "server/http/origins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/common/errors.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

constexpr char kList[] = "https://app.example.com, https://*.Example.org,http://localhost:5173";

TEST(OriginsTest, TakesThoseThatAreListed) {
  const absl::StatusOr<Origins> origins = Origins::Parse("--allowed-origins", kList);
  ASSERT_THAT(origins, IsOk());
  for (const char* origin : {"", "https://app.example.com", "https://APP.example.com", "https://app.example.com:443",
                             "https://a.example.org", "https://a.b.example.org", "http://localhost:5173"}) {
    EXPECT_THAT(origins->Check("any.host", origin), IsOk()) << origin;
  }
}

TEST(OriginsTest, RefusesAllOthersAndNamesThem) {
  const absl::StatusOr<Origins> origins = Origins::Parse("--allowed-origins", kList);
  ASSERT_THAT(origins, IsOk());
  for (const char* origin :
       {"null", "http://app.example.com", "https://app.example.com:8443", "https://example.com", "https://example.org",
        "https://evilexample.org", "https://.example.org", "https://app.example.com.evil.net", "http://localhost",
        "https://app.example.com/", "https://app.example.com@evil.net", "https://evil.net#.example.org",
        "https://app.example.com,https://evil.net", "https://evil.net?.example.org", "ws://app.example.com"}) {
    const absl::Status refusal = origins->Check("app.example.com", origin);
    EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kPermissionDenied, testing::HasSubstr(origin))) << origin;
    EXPECT_EQ(ErrorReason(refusal), "ORIGIN_NOT_ALLOWED");
  }
  // Without a list no page comes in, not even one from here.
  EXPECT_FALSE(Origins::Parse("--allowed-origins", "")->Check("app.example.com", "https://app.example.com").ok());
}

TEST(OriginsTest, AListHasOriginsOnly) {
  for (const char* list : {"*", "null", "app.example.com", "https://", "https://app.example.com/path", "https://*",
                           "https://*example.com", "https://a.*.com", "https://.example.com", "ftp://a.example.com",
                           "https://a.example.com;https://b.example.com", "https://a b"}) {
    EXPECT_EQ(ErrorField(Origins::Parse("--allowed-origins", list).status()), "--allowed-origins") << list;
  }
}

}  // namespace
}  // namespace atrium
