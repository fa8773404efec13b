#pragma once

#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/rare.h"
#include "server/live/channel.h"
#include "server/wire/frames.h"

namespace atrium {

// How much a room keeps for those who missed some. A limit of 0 is none.
struct HistoryLimits {
  int frames = 1000;
  // Of the frames in the encodings that they were sent in, or asked for in since.
  size_t bytes = 1 << 20;
  absl::Duration age = absl::Minutes(5);
};

// The last recorded frames of a room. On the room's shard.
class History {
 public:
  explicit History(const HistoryLimits& limits, Deflater* deflater = nullptr) : limits_(limits), deflater_(deflater) {}

  // Nothing up to that offset is here. Before the first frame is added.
  void StartBehind(uint64_t offset) { forgotten_ = offset; }

  // The frame with the next offset.
  void Add(FramePtr frame, Audience audience, absl::Time now);

  // Where Add writes.
  void PrefetchEnd() const { entries_.PrefetchEnd(); }

  // The last offset that is not here any more.
  uint64_t forgotten() const { return forgotten_; }

  // Whether all recorded frames after `offset` are here.
  bool Covers(uint64_t offset, absl::Time now);

  // The frames after `offset` whose audience is `wanted`, in their order, `most` at most; each in `encoding`, if one is
  // given.
  using Wanted = std::function<bool(const Audience&)>;
  std::vector<FramePtr> After(uint64_t offset, absl::optional<Encoding> encoding, const Wanted& wanted,
                              size_t most = static_cast<size_t>(-1));

 private:
  struct Entry {
    FramePtr frame;
    Audience audience;
    absl::Time time;
    // In encodings that were not sent, but asked for since.
    Rare<std::vector<FramePtr>> recoded;

    size_t bytes() const;
  };

  const FramePtr& In(Encoding encoding, Entry& entry);
  void Trim(absl::Time now);

  const HistoryLimits& limits_;
  Deflater* const deflater_;
  Fifo<Entry> entries_;
  // When the first of them was added: nobody has looked at that for long.
  absl::Time oldest_;
  size_t bytes_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace atrium
