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
// back when it runs empty. One thread at a time may use it.
class Outbox {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  bool empty() const { return head_ == items_.size(); }
  // Returns the bytes that are not yet sent; size() counts their items.
  size_t bytes() const { return bytes_; }
  size_t size() const { return items_.size() - head_; }

  // Returns those of them that do not count against a limit.
  size_t uncounted_bytes() const { return uncounted_ - (!empty() && !items_[head_].counts ? head_sent_ : 0); }
  // Whether a frame that was pushed as larger is not wholly sent.
  bool has_larger() const { return larger_; }
  // Returns the bytes that the transport has taken as a whole, and not sent.
  size_t taken_bytes() const {
    size_t bytes = 0;
    for (size_t i = head_; i < std::min(head_ + taken_, items_.size()); ++i) bytes += items_[i].bytes->size();
    return bytes;
  }

  // Queues a frame. A volatile one may be dropped before it has begun to be sent.
  void Push(const FramePtr& frame, Encoding encoding, bool counts = true) {
    Append({Bytes(frame, &frame->bytes(encoding)), frame.get(), counts});
  }
  // Queues bytes of the transport's own, which are no frame.
  void Push(Bytes bytes) { Append({std::move(bytes), nullptr, true}); }
  // Queues the one frame that a limit lets in beside what it counts; none such may be there.
  void PushLarger(const FramePtr& frame, Encoding encoding) {
    Append({Bytes(frame, &frame->bytes(encoding)), frame.get(), /*counts=*/false, /*larger=*/true});
    larger_ = true;
  }

  // Returns what is unsent of the item `i` from the front.
  absl::string_view Unsent(size_t i) const {
    return absl::string_view(*items_[head_ + i].bytes).substr(i == 0 ? head_sent_ : 0);
  }

  // Says that the transport has taken the `count` items at the front as a whole: they stay until they are sent.
  void Taken(size_t count) { taken_ = count; }

  // Says that `n` bytes from the front have been sent.
  void Sent(size_t n) {
    bytes_ -= n;
    n += head_sent_;
    while (head_ < items_.size() && n >= items_[head_].bytes->size()) {
      n -= items_[head_].bytes->size();
      Forget(items_[head_]);
      items_[head_++].bytes = nullptr;
      if (taken_ > 0) --taken_;
    }
    head_sent_ = n;
    if (empty()) {
      std::exchange(items_, {}), head_ = 0;
    } else if (head_ >= kCompact && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(std::exchange(head_, 0)));
    }
  }

  // Returns the frames that are not wholly sent.
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

  // Does the same for volatile frames only. Returns how many there were.
  size_t DropVolatile() {
    return DropIf([](const Item& item) { return item.frame != nullptr && item.frame->is_volatile(); });
  }

  // Does the same for the frames of a room that a snapshot of it can stand for. Returns whether one was among them.
  bool DropRoom(uint64_t room) {
    bool snapshot = false;
    DropIf([&](const Item& item) {
      if (RoomOf(item) != room) return false;
      snapshot |= item.frame->origin().kind == FrameOrigin::Kind::kSnapshot;
      return true;
    });
    return snapshot;
  }

  // Returns the bytes of what DropRoom would drop, by room.
  absl::flat_hash_map<uint64_t, size_t> RoomBytes() const {
    absl::flat_hash_map<uint64_t, size_t> bytes;
    for (size_t i = FirstUnbegun(); i < items_.size(); ++i) {
      if (const uint64_t room = RoomOf(items_[i])) bytes[room] += items_[i].bytes->size();
    }
    return bytes;
  }

 private:
  // What is sent goes when it is so many items and half of all, although the client never catches up.
  static constexpr size_t kCompact = 64;

  struct Item {
    // These keep the frame too.
    Bytes bytes;
    const Frame* frame;
    bool counts;
    bool larger = false;
  };

  // Returns the key of the room of which a snapshot can stand for the item; 0 if there is none.
  static uint64_t RoomOf(const Item& item) {
    return item.frame != nullptr && item.frame->origin().replaceable() ? item.frame->origin().room : 0;
  }

  void Append(Item item) {
    bytes_ += item.bytes->size();
    if (!item.counts) uncounted_ += item.bytes->size();
    items_.push_back(std::move(item));
  }

  void Forget(const Item& item) {
    if (!item.counts) uncounted_ -= item.bytes->size();
    if (item.larger) larger_ = false;
  }

  size_t FirstUnbegun() const {
    return std::min(head_ + std::max<size_t>(taken_, head_sent_ > 0 ? 1 : 0), items_.size());
  }

  template <typename Condition>
  size_t DropIf(Condition condition) {
    const auto drop = [&](const Item& item) {
      if (!condition(item)) return false;
      bytes_ -= item.bytes->size();
      Forget(item);
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
  size_t taken_ = 0;      // items that the transport has taken
  size_t bytes_ = 0;
  // These two are of the items that are not wholly sent.
  size_t uncounted_ = 0;
  bool larger_ = false;
};

}  // namespace atrium
