#pragma once

#include <algorithm>
#include <cstddef>

namespace atrium {

// Tells how one list becomes another, in operations that cost what changed. A list that had its front dropped, elements
// appended, or both costs those; any other costs what stands between the common front and the common end.
//
// `same(b, a)` compares before[b] and after[a]; about four times the elements of both lists are compared at most.
// `sink` is told, in order: Remove(at, b), Add(at, a), Change(at, b, a), where `at` is the place in the list as it is
// by then. If they were more than `most`, it is told none.
template <typename Same, typename Sink>
class ListDiff {
 public:
  ListDiff(size_t before, size_t after, const Same& same, Sink& sink, size_t most)
      : before_(before), after_(after), same_(same), sink_(sink), most_(most) {}

  // Returns false if it would take more than `most` operations.
  bool Run() {
    const size_t longer = std::max(before_, after_);
    if (longer - std::min(before_, after_) > most_) return false;
    if (const size_t dropped = DroppedFront(); dropped > 0) {
      if (dropped + after_ - (before_ - dropped) > most_) return false;
      for (size_t i = 0; i < dropped; ++i) sink_.Remove(0, i);
      for (size_t i = before_ - dropped; i < after_; ++i) sink_.Add(i, i);
      return true;
    }
    const size_t shorter = std::min(before_, after_);
    size_t front = 0;
    while (front < shorter && same_(front, front)) ++front;
    size_t end = 0;
    while (end < shorter - front && same_(before_ - 1 - end, after_ - 1 - end)) ++end;
    const size_t changed = shorter - end;
    size_t operations = longer - shorter;
    for (size_t i = front; i < changed && operations <= most_; ++i) operations += same_(i, i) ? 0 : 1;
    if (operations > most_) return false;
    for (size_t i = front; i < changed; ++i) sink_.Change(i, i, i);
    for (size_t i = changed; i < before_ - end; ++i) sink_.Remove(changed, i);
    for (size_t i = changed; i < after_ - end; ++i) sink_.Add(i, i);
    return true;
  }

 private:
  // Returns the least k > 0 for which before[k..] is not empty and begins `after`, or 0 if there is none. It is not
  // tried where the first elements are the same, because a common front serves there.
  size_t DroppedFront() const {
    if (before_ == 0 || after_ == 0 || same_(0, 0)) return 0;
    size_t compared = 0;
    for (size_t k = 1; k < before_ && compared < 2 * (before_ + after_); ++k) {
      const size_t kept = before_ - k;
      if (kept > after_) continue;
      size_t i = 0;
      while (i < kept && same_(k + i, i)) ++i;
      compared += i + 1;
      if (i == kept) return k;
    }
    return 0;
  }

  const size_t before_;
  const size_t after_;
  const Same& same_;
  Sink& sink_;
  const size_t most_;
};

template <typename Same, typename Sink>
bool DiffLists(size_t before, size_t after, const Same& same, Sink& sink, size_t most) {
  return ListDiff<Same, Sink>(before, after, same, sink, most).Run();
}

}  // namespace atrium
