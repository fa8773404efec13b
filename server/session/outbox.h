#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/wire/frames.h"

namespace atrium {

// Bytes that wait for a connection, in order. Holds references to shared frames, copies nothing, and gives its memory
// back when it runs empty. One thread at a time.
class Outbox {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  bool empty() const { return head_ == items_.size(); }
  // Not yet sent.
  size_t bytes() const { return bytes_; }
  size_t size() const { return items_.size() - head_; }

  // Of these, what does not count against a limit.
  size_t uncounted_bytes() const { return uncounted_ - (!empty() && !items_[head_].counts ? head_sent_ : 0); }

  // A volatile frame may be dropped before it has begun to be sent.
  void Push(const FramePtr& frame, Encoding encoding, bool counts = true) {
    Append({Bytes(frame, &frame->bytes(encoding)), frame.get(), counts});
  }
  // What is no frame: of the transport's own.
  void Push(Bytes bytes) { Append({std::move(bytes), nullptr, true}); }

  // What is unsent of the item `i` from the front.
  absl::string_view Unsent(size_t i) const {
    return absl::string_view(*items_[head_ + i].bytes).substr(i == 0 ? head_sent_ : 0);
  }

  // The transport has taken the `count` items at the front as a whole: they stay until they are sent.
  void Begin(size_t count) { begun_ = count; }

  // `n` bytes from the front have been sent.
  void Sent(size_t n) {
    bytes_ -= n;
    n += head_sent_;
    while (head_ < items_.size() && n >= items_[head_].bytes->size()) {
      n -= items_[head_].bytes->size();
      if (!items_[head_].counts) uncounted_ -= items_[head_].bytes->size();
      items_[head_++].bytes = nullptr;
      if (begun_ > 0) --begun_;
    }
    head_sent_ = n;
    if (empty()) {
      std::exchange(items_, {}), head_ = 0;
    } else if (head_ >= kCompact && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(std::exchange(head_, 0)));
    }
  }

  // The frames that are not wholly sent.
  std::vector<FramePtr> UnsentFrames() const {
    std::vector<FramePtr> frames;
    for (size_t i = head_; i < items_.size(); ++i) {
      if (items_[i].frame != nullptr) frames.push_back(FramePtr(items_[i].bytes, items_[i].frame));
    }
    return frames;
  }

  // Drops what has not begun to be sent, so that frames stay whole.
  void DropUnbegun() {
    DropIf([](const Item&) { return true; });
  }

  // The same for volatile frames only. Returns how many there were.
  size_t DropVolatile() {
    return DropIf([](const Item& item) { return item.frame != nullptr && item.frame->is_volatile(); });
  }

  // The same for the frames of a room that a snapshot of it can stand for. Whether one was among them.
  bool DropRoom(uint64_t room) {
    bool snapshot = false;
    DropIf([&](const Item& item) {
      if (RoomOf(item) != room) return false;
      snapshot |= item.frame->origin().kind == FrameOrigin::Kind::kSnapshot;
      return true;
    });
    return snapshot;
  }

  // Of what DropRoom would drop, the bytes by room.
  absl::flat_hash_map<uint64_t, size_t> RoomBytes() const {
    absl::flat_hash_map<uint64_t, size_t> bytes;
    for (size_t i = FirstUnbegun(); i < items_.size(); ++i) {
      if (const uint64_t room = RoomOf(items_[i])) bytes[room] += items_[i].bytes->size();
    }
    return bytes;
  }

 private:
  // Of a client that never catches up, what is sent goes when it is so much and half of all.
  static constexpr size_t kCompact = 64;

  struct Item {
    // Keeps the frame too.
    Bytes bytes;
    const Frame* frame;
    bool counts;
  };

  // 0 if a snapshot of no room can stand for it.
  static uint64_t RoomOf(const Item& item) {
    return item.frame != nullptr && item.frame->origin().replaceable() ? item.frame->origin().room : 0;
  }

  void Append(Item item) {
    bytes_ += item.bytes->size();
    if (!item.counts) uncounted_ += item.bytes->size();
    items_.push_back(std::move(item));
  }

  size_t FirstUnbegun() const {
    return std::min(head_ + std::max<size_t>(begun_, head_sent_ > 0 ? 1 : 0), items_.size());
  }

  template <typename Condition>
  size_t DropIf(Condition condition) {
    const auto drop = [&](const Item& item) {
      if (!condition(item)) return false;
      bytes_ -= item.bytes->size();
      if (!item.counts) uncounted_ -= item.bytes->size();
      return true;
    };
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(FirstUnbegun());
    const auto end = std::remove_if(begin, items_.end(), drop);
    const auto dropped = static_cast<size_t>(items_.end() - end);
    items_.erase(end, items_.end());
    return dropped;
  }

  absl::InlinedVector<Item, 1> items_;
  size_t head_ = 0;       // index of the first that is not sent
  size_t head_sent_ = 0;  // bytes of it that are
  size_t begun_ = 0;      // items that the transport has taken
  size_t bytes_ = 0;
  // Of the items that are not wholly sent.
  size_t uncounted_ = 0;
};

}  // namespace atrium
