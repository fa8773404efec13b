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

  void Push(Bytes item) {
    bytes_ += item->size();
    items_.push_back(std::move(item));
  }

  // What is unsent of the item `i` from the front.
  absl::string_view Unsent(size_t i) const {
    return absl::string_view(*items_[head_ + i]).substr(i == 0 ? head_sent_ : 0);
  }

  // The transport has taken the `count` items at the front as a whole: they stay until they are sent.
  void Begin(size_t count) { begun_ = count; }

  // `n` bytes from the front have been sent.
  void Sent(size_t n) {
    bytes_ -= n;
    n += head_sent_;
    while (head_ < items_.size() && n >= items_[head_]->size()) {
      n -= items_[head_]->size();
      items_[head_++] = nullptr;
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
    const size_t keep = head_ + std::max<size_t>(begun_, head_sent_ > 0 ? 1 : 0);
    while (items_.size() > keep) {
      bytes_ -= items_.back()->size();
      items_.pop_back();
    }
  }

 private:
  // Of a client that never catches up, what is sent goes when it is so much and half of all.
  static constexpr size_t kCompact = 64;

  std::vector<Bytes> items_;
  size_t head_ = 0;       // index of the first that is not sent
  size_t head_sent_ = 0;  // bytes of it that are
  size_t begun_ = 0;      // items that the transport has taken
  size_t bytes_ = 0;
};

}  // namespace atrium
