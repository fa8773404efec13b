#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace atrium {

// What one page of a list, or one slice of work on it, may hold: so many elements, and so many bytes of them as
// protobuf. The first always fits.
class ListBudget {
 public:
  ListBudget(size_t elements, size_t bytes) : elements_(elements), bytes_(bytes) {}

  // Takes one more, and returns whether it fits.
  bool Take(size_t bytes) {
    if (taken_ > 0 && (taken_ == elements_ || bytes > bytes_)) return false;
    ++taken_;
    bytes_ -= std::min(bytes, bytes_);
    return true;
  }

 private:
  const size_t elements_;
  size_t taken_ = 0;
  // So many bytes are left.
  size_t bytes_;
};

// A page of 1 MiB stays well below what a gRPC client takes by default (4 MiB), and a shard encodes it in a few
// milliseconds.
inline ListBudget PageOf(size_t elements) { return ListBudget(elements, 1 << 20); }
// Returns what a shard looks at in one of its turns, which is less than a millisecond of work.
inline ListBudget OneSlice() { return ListBudget(128, 64 << 10); }

template <typename T>
struct ListPage {
  std::vector<T> elements;
  // Whether there are more behind them.
  bool more = false;
};

// Returns the first page of what several shards have gathered. Each shard has given those of its elements that have the
// least ids and, if it has more, one that does not fit on a page.
template <typename T>
ListPage<T> FirstPage(std::vector<T> gathered, size_t count) {
  std::sort(gathered.begin(), gathered.end(), [](const T& a, const T& b) { return a.id() < b.id(); });
  ListBudget page = PageOf(count);
  const auto end = std::find_if(gathered.begin(), gathered.end(),
                                [&](const T& element) { return !page.Take(element.ByteSizeLong()); });
  const bool more = end != gathered.end();
  gathered.erase(end, gathered.end());
  return {std::move(gathered), more};
}

}  // namespace atrium
