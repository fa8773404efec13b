#include "server/net/connection_limiter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <optional>
#include <string>

#include "server/common/log.h"

namespace atrium {
namespace {

class ConnectionLimiterTest : public testing::Test {
 protected:
  // A connection of that address, as far as a limiter looks at it.
  static Socket From(const std::string& address) {
    return {fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), {boost::asio::ip::make_address(address), 50'000}};
  }
  static std::optional<Socket> Admitted(ConnectionLimiter& limiter, const std::string& address) {
    Socket socket = From(address);
    if (!limiter.Admit(socket)) return std::nullopt;
    return socket;
  }

  Log log_{LogLevel::kError};
  Refusals refusals_{log_};
};

TEST_F(ConnectionLimiterTest, OneAddressHasSoManyConnections) {
  ConnectionLimiter limiter(2, refusals_);
  std::optional<Socket> first = Admitted(limiter, "10.0.0.1");
  std::optional<Socket> second = Admitted(limiter, "10.0.0.1");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(Admitted(limiter, "10.0.0.1"));
  EXPECT_EQ(refusals_.count(Limit::kAddressConnections), 1);
  EXPECT_TRUE(Admitted(limiter, "10.0.0.2")) << "others are not concerned";

  // A moved socket takes its place along, and the place may be kept longer than the socket, or not so long.
  Socket moved = *std::move(first);
  first.reset();
  EXPECT_FALSE(Admitted(limiter, "10.0.0.1"));
  Socket::Place place = moved.TakePlace();
  moved.Close();
  EXPECT_FALSE(Admitted(limiter, "10.0.0.1"));
  place = nullptr;
  std::optional<Socket> third = Admitted(limiter, "10.0.0.1");
  EXPECT_TRUE(third);
  EXPECT_FALSE(Admitted(limiter, "10.0.0.1"));
}

TEST_F(ConnectionLimiterTest, AnAddressOfIpv6IsItsFirst64Bits) {
  ConnectionLimiter limiter(1, refusals_);
  const std::optional<Socket> first = Admitted(limiter, "2001:db8:0:1::1");
  EXPECT_TRUE(first);
  EXPECT_FALSE(Admitted(limiter, "2001:db8:0:1:ffff::2"));
  EXPECT_TRUE(Admitted(limiter, "2001:db8:0:2::1"));
  // Those of IPv4 stay apart, and are the same in both forms.
  const std::optional<Socket> mapped = Admitted(limiter, "::ffff:10.0.0.1");
  EXPECT_TRUE(mapped);
  EXPECT_TRUE(Admitted(limiter, "::ffff:10.0.0.2"));
  EXPECT_FALSE(Admitted(limiter, "10.0.0.1"));
}

TEST_F(ConnectionLimiterTest, WithoutALimitAnAddressHasAny) {
  ConnectionLimiter limiter(0, refusals_);
  const std::optional<Socket> first = Admitted(limiter, "10.0.0.1");
  const std::optional<Socket> second = Admitted(limiter, "10.0.0.1");
  EXPECT_TRUE(first && second);
}

TEST_F(ConnectionLimiterTest, SomeDescriptorsAreKept) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit few{.rlim_cur = 80, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  ConnectionLimiter limiter(0, refusals_);
  EXPECT_EQ(limiter.most_descriptors(), 60);
  Socket last({fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 59), {}});
  Socket beyond({fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 60), {}});
  EXPECT_TRUE(limiter.Admit(last));
  EXPECT_FALSE(limiter.Admit(beyond));
  EXPECT_EQ(refusals_.count(Limit::kDescriptors), 1);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

}  // namespace
}  // namespace atrium
