#pragma once

#include <cstddef>

#include "absl/time/time.h"
#include "server/common/steady_time.h"

namespace atrium {

// Measures how fast a reader takes what is queued for it, from when its queue was over its bound. One thread at a time
// may use it.
class ReadingPace {
 public:
  // A reader that takes fewer bytes a second is slow.
  static constexpr double kSlow = 64 * 1024;
  // It is watched for so long before it is judged, because sockets take what they take in lumps.
  static constexpr absl::Duration kWindow = absl::Seconds(3);

  explicit ReadingPace(SteadyTime now) : since_(now) {}

  void Took(size_t bytes) { taken_ += bytes; }

  // Whether the reader is slow. `under_way` are bytes that its transport has been given and counts only as a whole: the
  // reader has the time that these may take.
  bool IsSlow(SteadyTime now, size_t under_way) {
    const absl::Duration watched = now - since_;
    if (watched < kWindow) return false;
    const double due = kSlow * absl::ToDoubleSeconds(watched);
    if (static_cast<double>(taken_) < due) return static_cast<double>(taken_ + under_way) < due;
    since_ = now;
    taken_ = 0;
    return false;
  }

 private:
  SteadyTime since_;
  size_t taken_ = 0;
};

}  // namespace atrium
