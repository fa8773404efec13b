#include "server/live/shards/socket_poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>

#include "server/live/shards/io_shard.h"

namespace atrium {
namespace {

constexpr std::chrono::seconds kDeadline(10);

// One end of a connected pair, watched, and the other, which the test writes to.
class WatchedSocket : public SocketPoller::Handler {
 public:
  WatchedSocket(SocketPoller& poller, uint32_t interest) : poller_(poller) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    watched_ = ends[0];
    other_ = ends[1];
    EXPECT_TRUE(poller_.Add(watched_, *this, interest));
  }
  ~WatchedSocket() {
    Remove();
    close(watched_);
    HangUp();
  }

  void OnReady(bool readable, bool writable) override {
    told_ += readable ? "r" : "";
    told_ += writable ? "w" : "";
    if (then_) then_();
  }

  void Say(char c) { EXPECT_EQ(write(other_, &c, 1), 1); }
  char Hear() {
    char c = 0;
    return read(watched_, &c, 1) == 1 ? c : '\0';
  }
  void HangUp() {
    if (other_ >= 0) close(std::exchange(other_, -1));
  }
  void Set(uint32_t interest) { poller_.Set(watched_, *this, interest); }
  void Remove() { poller_.Remove(watched_, *this); }
  // What it is told makes it do that.
  void Then(std::function<void()> then) { then_ = std::move(then); }
  // An r and a w for each time it was told so.
  const std::string& told() const { return told_; }

 private:
  SocketPoller& poller_;
  int watched_ = -1;
  int other_ = -1;
  std::string told_;
  std::function<void()> then_;
};

class SocketPollerTest : public ::testing::Test {
 protected:
  boost::asio::io_context io_;
  SocketPoller poller_{io_};
};

TEST_F(SocketPollerTest, TellsASocketAgainUntilItIsRead) {
  WatchedSocket socket(poller_, SocketPoller::kRead);
  EXPECT_EQ(poller_.Poll(10), 0);
  socket.Say('a');
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(socket.Hear(), 'a');
  EXPECT_EQ(poller_.Poll(10), 0);
  EXPECT_EQ(socket.told(), "rr");
}

TEST_F(SocketPollerTest, TellsOnceWhereThatIsAskedForAndThenWhenItIsAskedAgain) {
  WatchedSocket socket(poller_, SocketPoller::kRead | SocketPoller::kOnce);
  socket.Say('a');
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(poller_.Poll(10), 0);
  socket.Set(SocketPoller::kRead | SocketPoller::kWrite);
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(socket.told(), "rrw");
}

TEST_F(SocketPollerTest, TellsNoMoreThanItIsAskedToAndTheOthersTheNextTime) {
  WatchedSocket first(poller_, SocketPoller::kRead), second(poller_, SocketPoller::kRead);
  first.Say('a');
  second.Say('b');
  EXPECT_EQ(poller_.Poll(1), 1);
  EXPECT_EQ(poller_.Poll(1), 1);
  EXPECT_EQ(first.told(), "r");
  EXPECT_EQ(second.told(), "r");
}

TEST_F(SocketPollerTest, OneThatTheOtherRemovesIsNotTold) {
  WatchedSocket first(poller_, SocketPoller::kRead), second(poller_, SocketPoller::kRead);
  first.Then([&] { second.Remove(); });
  second.Then([&] { first.Remove(); });
  first.Say('a');
  second.Say('b');
  EXPECT_EQ(poller_.Poll(10), 2);
  EXPECT_EQ(first.told() + second.told(), "r");
}

TEST_F(SocketPollerTest, TellsOneAgainThatAsksForItAfterTheOthers) {
  WatchedSocket first(poller_, SocketPoller::kRead), second(poller_, SocketPoller::kRead);
  EXPECT_FALSE(poller_.pending());
  poller_.TellAgain(first);
  poller_.TellAgain(second);
  EXPECT_TRUE(poller_.pending());
  second.Remove();
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(first.told() + second.told(), "r");
  EXPECT_FALSE(poller_.pending());
  EXPECT_EQ(poller_.Poll(10), 0);
}

TEST_F(SocketPollerTest, WhenTheTimeIsUpTheOthersComeFirstInTheNextTurn) {
  WatchedSocket first(poller_, SocketPoller::kRead | SocketPoller::kOnce);
  WatchedSocket second(poller_, SocketPoller::kRead | SocketPoller::kOnce);
  first.Say('a');
  second.Say('b');
  const auto too_long = [&] {
    while (!poller_.budget().time_up()) poller_.budget().Look();
  };
  first.Then(too_long);
  second.Then(too_long);
  poller_.budget().BeginTurn();
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(poller_.Poll(10), 0);
  EXPECT_TRUE(poller_.pending());
  poller_.budget().BeginTurn();
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(first.told() + second.told(), "rr");
}

TEST_F(SocketPollerTest, ThePeersEndCountsAsBoth) {
  WatchedSocket socket(poller_, SocketPoller::kRead);
  socket.HangUp();
  EXPECT_EQ(poller_.Poll(10), 1);
  EXPECT_EQ(socket.told(), "rw");
}

TEST_F(SocketPollerTest, WakesItsLoopForWhatComesBeforeAndAfterItIsAskedTo) {
  WatchedSocket socket(poller_, SocketPoller::kRead);
  socket.Say('a');
  for (const char next : {'b', 'c'}) {
    poller_.WakeWhenReady();
    poller_.WakeWhenReady();
    EXPECT_EQ(io_.run_one_for(kDeadline), 1u);
    EXPECT_EQ(io_.poll(), 0u);
    io_.restart();
    EXPECT_EQ(poller_.Poll(10), 1);
    socket.Hear();
    poller_.WakeWhenReady();
    socket.Say(next);
    EXPECT_EQ(io_.run_one_for(kDeadline), 1u);
    io_.restart();
  }
}

TEST(IoShardTest, WakesForASocketOfItsPoller) {
  IoShard shard(0);
  WatchedSocket socket(shard.sockets(), SocketPoller::kRead);
  std::string heard;
  std::promise<void> done;
  socket.Then([&] {
    heard += socket.Hear();
    if (heard.size() == 100) done.set_value();
  });
  shard.Start();
  for (int i = 0; i < 100; ++i) socket.Say('a');
  EXPECT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  shard.Stop();
}

}  // namespace
}  // namespace atrium
