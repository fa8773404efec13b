#include "server/live/history.h"

#include <algorithm>
#include <utility>

namespace atrium {

void History::Add(FramePtr frame, Audience audience, absl::Time now) {
  bytes_ += frame->size();
  if (entries_.empty()) oldest_ = now;
  entries_.push_back({std::move(frame), std::move(audience), now});
  Trim(now);
}

size_t History::Entry::bytes() const {
  size_t bytes = frame->size();
  for (const FramePtr& other : *recoded) bytes += other->size();
  return bytes;
}

void History::Trim(absl::Time now) {
  const auto too_much = [&] {
    return (limits_.frames > 0 && entries_.size() > static_cast<size_t>(limits_.frames)) ||
           (limits_.bytes > 0 && bytes_ > limits_.bytes) ||
           (limits_.age > absl::ZeroDuration() && now - oldest_ > limits_.age);
  };
  while (!entries_.empty() && too_much()) {
    const Entry& oldest = entries_.front();
    bytes_ -= oldest.bytes();
    forgotten_ = oldest.frame->origin().offset;
    entries_.pop_front();
    if (!entries_.empty()) oldest_ = entries_.front().time;
  }
}

bool History::Covers(uint64_t offset, absl::Time now) {
  Trim(now);
  return offset >= forgotten_;
}

std::vector<FramePtr> History::After(uint64_t offset, absl::optional<Encoding> encoding, const Wanted& wanted,
                                     size_t most) {
  const auto behind = [](uint64_t offset, const Entry& entry) { return offset < entry.frame->origin().offset; };
  std::vector<FramePtr> frames;
  for (auto it = std::upper_bound(entries_.begin(), entries_.end(), offset, behind);
       it != entries_.end() && frames.size() < most; ++it) {
    if (wanted(it->audience)) frames.push_back(encoding ? In(*encoding, *it) : it->frame);
  }
  return frames;
}

const FramePtr& History::In(Encoding encoding, Entry& entry) {
  if (entry.frame->has(encoding)) return entry.frame;
  std::vector<FramePtr>& recoded = entry.recoded.Get();
  for (const FramePtr& frame : recoded) {
    if (frame->has(encoding)) return frame;
  }
  recoded.push_back(Reencode(*entry.frame, {encoding, deflater_}));
  bytes_ += recoded.back()->size();
  return recoded.back();
}

}  // namespace atrium
