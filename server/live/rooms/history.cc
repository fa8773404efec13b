#include "server/live/rooms/history.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace atrium {
namespace {

// An audience of more keys keeps them in memory of their own.
const size_t kInlineKeys = Audience::Keys().capacity();

}  // namespace

void History::Add(FramePtr frame, Audience audience, SteadyTime now) {
  if (entries_.empty()) oldest_ = now;
  entries_.push_back({std::move(frame), std::move(audience), now});
  Entry& entry = *std::prev(entries_.end());
  entry.Measure();
  bytes_ += entry.bytes;
  Trim(now);
}

void History::Entry::Measure() {
  bytes = sizeof(Entry) + frame->memory();
  if (audience.keys.size() > kInlineKeys) bytes += audience.keys.capacity() * sizeof(SessionKey);
  if (recoded.made()) bytes += sizeof(*recoded) + recoded->capacity() * sizeof(FramePtr);
  for (const FramePtr& other : *recoded) bytes += other->memory();
}

void History::Trim(SteadyTime now) {
  const auto too_much = [&] {
    return (limits_.frames > 0 && entries_.size() > static_cast<size_t>(limits_.frames)) ||
           (limits_.age > absl::ZeroDuration() && now - oldest_ > limits_.age);
  };
  while (!entries_.empty() && too_much()) Forget();
  TrimToBytes();
}

void History::TrimToBytes() {
  while (!entries_.empty() && limits_.bytes > 0 && bytes_ > limits_.bytes) Forget();
}

void History::Forget() {
  const Entry& oldest = entries_.front();
  bytes_ -= oldest.bytes;
  forgotten_ = oldest.frame->origin().offset;
  entries_.pop_front();
  if (!entries_.empty()) oldest_ = entries_.front().time;
}

bool History::Covers(uint64_t offset, SteadyTime now) {
  Trim(now);
  return offset >= forgotten_;
}

std::vector<FramePtr> History::After(uint64_t offset, std::optional<Encoding> encoding, const Wanted& wanted,
                                     size_t most) {
  const auto behind = [](uint64_t offset, const Entry& entry) { return offset < entry.frame->origin().offset; };
  std::vector<FramePtr> frames;
  for (auto it = std::upper_bound(entries_.begin(), entries_.end(), offset, behind);
       it != entries_.end() && frames.size() < most; ++it) {
    if (wanted(it->audience)) frames.push_back(encoding ? In(*encoding, *it) : it->frame);
  }
  // What was made of them just now counts too.
  TrimToBytes();
  return frames;
}

const FramePtr& History::In(Encoding encoding, Entry& entry) {
  if (entry.frame->has(encoding)) return entry.frame;
  for (const FramePtr& frame : *entry.recoded) {
    if (frame->has(encoding)) return frame;
  }
  bytes_ -= entry.bytes;
  std::vector<FramePtr>& recoded = entry.recoded.Get();
  recoded.push_back(Reencode(*entry.frame, {encoding, deflater_}));
  entry.Measure();
  bytes_ += entry.bytes;
  return recoded.back();
}

}  // namespace atrium
