#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace atrium {

// Who shares something that there is not enough of.
struct Share {
  // This is the IP address of a client, or whatever else tells who it is from others.
  std::string address;
  // This tells it from others of that address.
  uint64_t session = 0;
};

// A queue in which nobody waits for more than one item a turn of anybody else: the addresses take turns, and the
// sessions of each, and who comes anew stands behind all that wait. It is not thread-safe, and meant for a few hundred
// items.
template <typename T>
class FairQueue {
 public:
  // Holds `most` items.
  explicit FairQueue(size_t most) : most_(most) {}

  // Adds `item`. If there are too many then, returns the one that had to go: the newest of whoever has most waiting,
  // which may be `item` itself.
  std::optional<T> Push(const Share& share, T item) {
    Address& address = Find(addresses_, share.address);
    Find(address.sessions, share.session).items.push_back(std::move(item));
    ++address.size;
    if (++size_ <= most_) return std::nullopt;
    return TakeNewest();
  }

  // Takes the next in turn, or returns nothing if it is empty.
  std::optional<T> Pop() {
    if (size_ == 0) return std::nullopt;
    --size_;
    Address address = TakeFirst(addresses_);
    Session session = TakeFirst(address.sessions);
    std::optional<T> item = std::move(session.items.front());
    session.items.erase(session.items.begin());
    // Its turn comes again behind all others that wait.
    if (!session.items.empty()) address.sessions.push_back(std::move(session));
    if (--address.size > 0) addresses_.push_back(std::move(address));
    return item;
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  struct Session {
    uint64_t key = 0;
    std::vector<T> items;
  };
  struct Address {
    std::string key;
    // These stand in the order of their turns.
    std::vector<Session> sessions;
    size_t size = 0;
  };

  template <typename Part, typename Key>
  static Part& Find(std::vector<Part>& parts, const Key& key) {
    const auto it = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.key == key; });
    if (it != parts.end()) return *it;
    parts.emplace_back().key = key;
    return parts.back();
  }
  template <typename Part>
  static Part TakeFirst(std::vector<Part>& parts) {
    Part first = std::move(parts.front());
    parts.erase(parts.begin());
    return first;
  }

  T TakeNewest() {
    --size_;
    // Of several that have the most, this finds the one whose turn is last.
    const auto address = std::max_element(addresses_.rbegin(), addresses_.rend(),
                                          [](const Address& a, const Address& b) { return a.size < b.size; });
    const auto session =
        std::max_element(address->sessions.rbegin(), address->sessions.rend(),
                         [](const Session& a, const Session& b) { return a.items.size() < b.items.size(); });
    T newest = std::move(session->items.back());
    session->items.pop_back();
    if (session->items.empty()) address->sessions.erase(std::next(session).base());
    if (--address->size == 0) addresses_.erase(std::next(address).base());
    return newest;
  }

  const size_t most_;
  std::vector<Address> addresses_;
  size_t size_ = 0;
};

}  // namespace atrium
