#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

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

  // A volatile item may be dropped before it has begun to be sent.
  void Push(Bytes bytes, bool is_volatile = false) {
    bytes_ += bytes->size();
    items_.push_back({std::move(bytes), is_volatile});
  }

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

  // Drops what has not begun to be sent, so that frames stay whole.
  void DropUnbegun() {
    DropIf([](const Item&) { return true; });
  }

  // The same for volatile items only. Returns how many there were.
  size_t DropVolatile() {
    return DropIf([](const Item& item) { return item.is_volatile; });
  }

 private:
  // Of a client that never catches up, what is sent goes when it is so much and half of all.
  static constexpr size_t kCompact = 64;

  struct Item {
    Bytes bytes;
    bool is_volatile;
  };

  template <typename Condition>
  size_t DropIf(Condition condition) {
    const size_t keep = head_ + std::max<size_t>(begun_, head_sent_ > 0 ? 1 : 0);
    const auto drop = [&](const Item& item) {
      if (!condition(item)) return false;
      bytes_ -= item.bytes->size();
      return true;
    };
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(std::min(keep, items_.size()));
    const auto end = std::remove_if(begin, items_.end(), drop);
    const auto dropped = static_cast<size_t>(items_.end() - end);
    items_.erase(end, items_.end());
    return dropped;
  }

  std::vector<Item> items_;
  size_t head_ = 0;       // index of the first that is not sent
  size_t head_sent_ = 0;  // bytes of it that are
  size_t begun_ = 0;      // items that the transport has taken
  size_t bytes_ = 0;
};

}  // namespace atrium
