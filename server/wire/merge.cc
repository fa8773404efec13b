#include "server/wire/merge.h"

#include <string>
#include <utility>

#include "server/wire/list_diff.h"
#include "server/wire/value_size.h"

namespace atrium {
namespace {

// RFC 7396: a merge patch that becomes a value of its own loses its nulls.
json::value WithoutNulls(const json::value& merge) {
  if (!merge.is_object()) return merge;
  json::object out;
  for (const auto& [key, value] : merge.get_object()) {
    if (!value.is_null()) out.emplace(key, WithoutNulls(value));
  }
  return out;
}

class Differ {
 public:
  StateChange Merge(const json::object& state, const json::object& merge) {
    for (const auto& [key, value] : merge) {
      change_.values += CountValues(value, kMaxChangeValues);
      if (change_.TooLarge()) return std::move(change_);
    }
    change_.values = 0;
    MergeObject(state, merge, "", kMaxChangeOperations);
    return std::move(change_);
  }

 private:
  // Returns false if more than `most` operations come of it; some of these were made then.
  bool MergeObject(const json::object& state, const json::object& merge, const std::string& path, size_t most) {
    const size_t limit = change_.patch.size() + most;
    size_t keys = state.size();
    for (const auto& [view, value] : merge) {
      if (Full(limit)) return false;
      const std::string key(view);
      const json::value* old = state.if_contains(view);
      if (value.is_null()) {
        if (old != nullptr) change_.Remove(ChildPath(path, key), SizeOf(*old), --keys, &key);
      } else if (old == nullptr) {
        change_.Add(ChildPath(path, key), ToJson(WithoutNulls(value)), keys++, &key);
      } else if (old->is_object() && value.is_object()) {
        MergeInner(*old, value.get_object(), ChildPath(path, key));
      } else {
        Diff(*old, WithoutNulls(value), ChildPath(path, key));
      }
    }
    return !Full(limit);
  }

  void MergeInner(const json::value& old, const json::object& merge, const std::string& path) {
    const StateChange::Mark mark = change_.Now();
    if (MergeObject(old.get_object(), merge, path, kMaxOperationsWithin) || change_.TooLarge()) return;
    json::object merged = old.get_object();
    atrium::Merge(merged, merge);
    change_.ReplaceSince(mark, path, SizeOf(old), ToJson(merged));
  }

  void Diff(const json::value& before, const json::value& after, const std::string& path) {
    if (before == after) return;
    const StateChange::Mark mark = change_.Now();
    if (before.is_object() && after.is_object()) {
      if (DiffObject(before.get_object(), after.get_object(), path)) return;
    } else if (before.is_array() && after.is_array()) {
      if (DiffArray(before.get_array(), after.get_array(), path)) return;
    }
    if (!change_.TooLarge()) change_.ReplaceSince(mark, path, SizeOf(before), ToJson(after));
  }

  bool DiffObject(const json::object& before, const json::object& after, const std::string& path) {
    if (before.size() > after.size() + kMaxOperationsWithin) return false;
    const size_t limit = change_.patch.size() + kMaxOperationsWithin;
    size_t keys = before.size();
    for (const auto& [view, value] : before) {
      if (Full(limit)) return false;
      const std::string key(view);
      if (!after.contains(view)) change_.Remove(ChildPath(path, key), SizeOf(value), --keys, &key);
    }
    for (const auto& [view, value] : after) {
      if (Full(limit)) return false;
      const std::string key(view);
      if (const json::value* old = before.if_contains(view)) {
        Diff(*old, value, ChildPath(path, key));
      } else {
        change_.Add(ChildPath(path, key), ToJson(value), keys++, &key);
      }
    }
    return !Full(limit);
  }

  bool DiffArray(const json::array& before, const json::array& after, const std::string& path) {
    struct Sink {
      void Remove(size_t at, size_t b) {
        differ.change_.Remove(ChildPath(path, at), SizeOf(before[b]), --size, nullptr);
      }
      void Add(size_t at, size_t a) { differ.change_.Add(ChildPath(path, at), ToJson(after[a]), size++, nullptr); }
      void Change(size_t at, size_t b, size_t a) {
        if (!differ.Full(limit)) differ.Diff(before[b], after[a], ChildPath(path, at));
      }

      Differ& differ;
      const json::array& before;
      const json::array& after;
      const std::string& path;
      const size_t limit;
      size_t size;
    } sink{*this, before, after, path, change_.patch.size() + kMaxOperationsWithin, before.size()};
    const auto same = [&](size_t b, size_t a) { return before[b] == after[a]; };
    return DiffLists(before.size(), after.size(), same, sink, kMaxOperationsWithin) && !Full(sink.limit);
  }

  // Returns whether it is of no use to go on, because a replacement of all will stand in the place of the operations,
  // or nothing will.
  bool Full(size_t limit) const { return change_.patch.size() > limit || change_.TooLarge(); }

  StateChange change_;
};

}  // namespace

StateChange ChangeFromMerge(const json::object& state, const json::object& merge) {
  return Differ().Merge(state, merge);
}

namespace {

// Takes the keys out that are null in `merge`; the others keep their order. It does so in one go, because one by one
// each would cost the size of the object.
void RemoveNulls(json::object& state, const json::object& merge) {
  json::object kept(state.storage());
  kept.reserve(state.size());
  for (auto& entry : state) {
    const json::value* const wanted = merge.if_contains(entry.key());
    if (wanted == nullptr || !wanted->is_null()) kept.emplace(entry.key(), std::move(entry.value()));
  }
  state = std::move(kept);
}

}  // namespace

void Merge(json::object& state, const json::object& merge) {
  bool removes = false;
  for (const auto& [key, value] : merge) {
    json::value* old = state.if_contains(key);
    if (value.is_null()) {
      removes |= old != nullptr;
    } else if (old != nullptr && old->is_object() && value.is_object()) {
      Merge(old->get_object(), value.get_object());
    } else {
      state.insert_or_assign(key, WithoutNulls(value));
    }
  }
  if (removes) RemoveNulls(state, merge);
}

}  // namespace atrium
