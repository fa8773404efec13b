#include "server/net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/common/mutex.h"
#include "tests/http/raw_client.h"
#include "tests/support/eventually.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    for (int i = 0; i < 2; ++i) {
      shards_.push_back(std::make_unique<IoShard>(i));
      shards_.back()->Start();
    }
  }

  absl::StatusOr<std::unique_ptr<TcpListener>> Open(const std::string& address) {
    return TcpListener::Open("Test", address, {shards_[0].get(), shards_[1].get()}, log_,
                             /*limiter=*/nullptr, [this](size_t shard, Socket socket) {
                               const MutexLock lock(mutex_);
                               accepted_.push_back(shard);
                               sockets_.push_back(std::move(socket));
                             });
  }

  std::vector<size_t> accepted() {
    const MutexLock lock(mutex_);
    return accepted_;
  }

  Log log_{LogLevel::kError};
  Mutex mutex_;
  std::vector<size_t> accepted_ ABSL_GUARDED_BY(mutex_);
  std::vector<Socket> sockets_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<IoShard>> shards_;
};

TEST_F(ListenerTest, ConnectionsGoRoundTheShards) {
  const auto listener = Open("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->address(), absl::StrCat("127.0.0.1:", (*listener)->port()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(RawClient((*listener)->port()).connected());
  EXPECT_TRUE(Eventually([&] { return accepted().size() == 3; }));
  EXPECT_THAT(accepted(), ElementsAre(0, 1, 0));
}

TEST_F(ListenerTest, AcceptedSocketsDoNotWait) {
  const auto listener = Open("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  const RawClient client((*listener)->port());
  ASSERT_TRUE(Eventually([&] { return accepted().size() == 1; }));
  const MutexLock lock(mutex_);
  const int descriptor = sockets_.front().descriptor();
  char byte;
  EXPECT_EQ(recv(descriptor, &byte, 1, 0), -1);
  EXPECT_EQ(errno, EAGAIN);
  int no_delay = 0;
  socklen_t size = sizeof(no_delay);
  EXPECT_EQ(getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1) << "small frames go out at once";
  EXPECT_EQ(sockets_.front().peer().address().to_string(), "127.0.0.1");
}

TEST_F(ListenerTest, AfterStopNobodyIsAccepted) {
  auto listener = Open("[::1]:0");
  if (!listener.ok()) GTEST_SKIP() << "no IPv6: " << listener.status();
  EXPECT_EQ((*listener)->address(), absl::StrCat("[::1]:", (*listener)->port()));
  listener = Open("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  (*listener)->Stop();
  (*listener)->Stop();
  const uint16_t port = (*listener)->port();
  EXPECT_TRUE(Eventually([&] { return !RawClient(port).connected(); }));
  *listener = nullptr;
}

TEST_F(ListenerTest, SaysWhichAddressItCannotHave) {
  EXPECT_THAT(Open("8080").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Test address 8080: must be host:port")));
  EXPECT_THAT(Open("127.0.0.1:nothing").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Test address 127.0.0.1:nothing: ")));
  const auto listener = Open("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_THAT(Open((*listener)->address()).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr((*listener)->address())));
}

}  // namespace
}  // namespace atrium
