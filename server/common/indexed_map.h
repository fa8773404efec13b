#pragma once

#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Holds values by text, which are found by hash and walked in the order of their keys. A value stays where it is in
// memory until it is taken out. The order costs about 12 bytes for each. It is not thread-safe.
template <typename T>
class IndexedMap {
  using Map = absl::node_hash_map<std::string, T>;
  using Node = typename Map::value_type;
  struct ByKey {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const { return a->first < b->first; }
    bool operator()(const Node* a, absl::string_view b) const { return a->first < b; }
    bool operator()(absl::string_view a, const Node* b) const { return a < b->first; }
  };
  using Order = absl::btree_set<const Node*, ByKey>;

 public:
  // Returns null if there is none.
  T* Find(absl::string_view key) {
    const auto it = map_.find(key);
    return it == map_.end() ? nullptr : &it->second;
  }
  // Returns the value of a key that is there.
  T& At(absl::string_view key) { return map_.find(key)->second; }
  // Returns the value of `key`, which is made if there is none.
  T& operator[](const std::string& key) {
    const auto [it, added] = map_.try_emplace(key);
    if (added) order_.insert(&*it);
    return it->second;
  }
  // Takes out the value of a key that is there.
  typename Map::node_type Extract(absl::string_view key) {
    const auto it = map_.find(key);
    order_.erase(&*it);
    return map_.extract(it);
  }

  // Returns an iterator from the first key behind `key` on, over pointers to key and value. It is good until something
  // is added or taken out.
  typename Order::const_iterator After(absl::string_view key) const { return order_.upper_bound(key); }
  typename Order::const_iterator end() const { return order_.end(); }

 private:
  Map map_;
  Order order_;
};

}  // namespace atrium
