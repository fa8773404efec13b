#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/rare.h"
#include "server/common/steady_time.h"
#include "server/live/authoring/room_options.h"
#include "server/live/rooms/audience.h"
#include "server/wire/frames.h"

namespace atrium {

// The last recorded frames of a room. It lives on the room's shard.
class History {
 public:
  explicit History(const HistoryLimits& limits, Deflater* deflater = nullptr) : limits_(limits), deflater_(deflater) {}

  // Says that nothing up to that offset is here. It is called before the first frame is added.
  void StartBehind(uint64_t offset) { forgotten_ = offset; }

  // Adds the frame with the next offset.
  void Add(FramePtr frame, Audience audience, SteadyTime now);

  // Returns the last offset that is not here any more.
  uint64_t forgotten() const { return forgotten_; }

  // Returns whether all recorded frames after `offset` are here.
  bool Covers(uint64_t offset, SteadyTime now);

  // Returns the frames after `offset` whose audience is `wanted`, in their order, at most `most` of them, and each in
  // `encoding` if one is given.
  using Wanted = std::function<bool(const Audience&)>;
  std::vector<FramePtr> After(uint64_t offset, std::optional<Encoding> encoding, const Wanted& wanted,
                              size_t most = static_cast<size_t>(-1));

 private:
  struct Entry {
    FramePtr frame;
    Audience audience;
    SteadyTime time;
    // The frame in encodings that it was not sent in, but that were asked for since.
    Rare<std::vector<FramePtr>> recoded;
    // What all of this takes in memory.
    size_t bytes = 0;

    void Measure();
  };

  const FramePtr& In(Encoding encoding, Entry& entry);
  void Trim(SteadyTime now);
  void TrimToBytes();
  void Forget();

  const HistoryLimits& limits_;
  Deflater* const deflater_;
  Fifo<Entry> entries_;
  // The time of the first entry is kept here, because nobody has touched that entry's own memory for long.
  SteadyTime oldest_;
  size_t bytes_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace atrium
