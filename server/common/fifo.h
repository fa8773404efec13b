#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace atrium {

// A queue that takes no memory while it is empty, unlike std::deque, and whose elements can be searched. Its elements
// are default-constructible and movable; its iterators are good until the next change.
template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  const T& operator[](size_t i) const { return items_[head_ + i]; }
  auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() { return items_.end(); }

  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    items_[head_++] = T();
    if (empty()) {
      std::exchange(items_, {}), head_ = 0;
    } else if (head_ >= kCompact && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }

 private:
  // The places of elements that were taken are cleared away when there are so many of them and they are half of all.
  static constexpr size_t kCompact = 64;

  std::vector<T> items_;
  size_t head_ = 0;
};

}  // namespace atrium
