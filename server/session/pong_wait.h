#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "server/common/steady_time.h"
#include "server/session/reading_pace.h"

namespace atrium {

// A ping that is under way, and how long its pong may still take. One thread at a time.
//
// Its time begins when the ping is written. What is written may still wait in the kernel, megabytes of it, and a client
// that reads all the time comes to the ping only behind that. So each ReadingPace::kSlow bytes that it takes of what
// stands before the ping give it a second more: for who reads at that rate the time stands still. At no moment is more
// than the whole time left, so who stops to take anything is found out after twice that.
class PongWait {
 public:
  // The last of `queued` bytes, which are still to be written, are the ping. The client has not taken `untaken` bytes
  // that were written before them.
  PongWait(SteadyTime now, size_t queued, size_t untaken) : since_(now), unwritten_(queued), left_(untaken + queued) {}

  // So many bytes more have been written.
  void Wrote(size_t bytes, SteadyTime now) {
    if (unwritten_ > 0) since_ = now;
    const size_t before = std::min(unwritten_, bytes);
    unwritten_ -= before;
    written_behind_ += bytes - before;
  }

  // Whether `allowed` has passed, as far as is known without Took.
  bool IsOver(SteadyTime now, absl::Duration allowed) const { return now - since_ >= allowed; }

  // Gives the client the time for what it has taken since this was last told: of all that was written, it has not taken
  // `untaken` bytes by now.
  void Took(SteadyTime now, size_t untaken) {
    const size_t pending = untaken + unwritten_;
    const size_t left = pending > written_behind_ ? pending - written_behind_ : 0;
    const size_t taken = left_ > left ? left_ - left : 0;
    left_ = std::min(left_, left);
    // In whole milliseconds, for which a ping that stands alone is too short.
    const auto milliseconds = static_cast<int64_t>(1000.0 * static_cast<double>(taken) / ReadingPace::kSlow);
    since_ = std::min(since_ + absl::Milliseconds(milliseconds), now);
  }

 private:
  SteadyTime since_;
  // Of what stands before the ping, with it: what is still queued, and what the client had not taken when last told.
  size_t unwritten_;
  size_t left_;
  size_t written_behind_ = 0;
};

}  // namespace atrium
