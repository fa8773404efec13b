#include "server/http/socket_deadline.h"

#include <utility>

#include "server/live/shards/socket.h"
#include "server/session/standstill_clock.h"

namespace atrium {

void SocketDeadline::Set(absl::Duration delay) { Start(delay, std::nullopt); }

void SocketDeadline::SetForWriting(absl::Duration delay) { Start(delay, UnacknowledgedBytes(socket_.native_handle())); }

void SocketDeadline::Start(absl::Duration delay, std::optional<size_t> untaken) {
  Clear();
  expired_ = false;
  timer_ = shard_.After(delay, [this, delay, untaken, due = shard_.Steady() + delay] {
    timer_.reset();
    if (StandstillClock::IsLate(shard_, due)) return Start(delay, untaken);
    if (untaken && UnacknowledgedBytes(socket_.native_handle()) < *untaken) return SetForWriting(delay);
    Expire();
  });
}

void SocketDeadline::Clear() {
  if (timer_) shard_.Cancel(*std::exchange(timer_, std::nullopt));
}

void SocketDeadline::Expire() {
  expired_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace atrium
