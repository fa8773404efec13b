#include "server/wire/merge.h"

#include <string>
#include <utility>

#include "server/wire/list_diff.h"

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
    MergeObject(state, merge, "");
    return std::move(change_);
  }

 private:
  void MergeObject(const json::object& state, const json::object& merge, const std::string& path) {
    size_t keys = state.size();
    for (const auto& [view, value] : merge) {
      const std::string key(view);
      const json::value* old = state.if_contains(view);
      if (value.is_null()) {
        if (old != nullptr) change_.Remove(ChildPath(path, key), JsonSize(*old), --keys, &key);
      } else if (old == nullptr) {
        change_.Add(ChildPath(path, key), ToJson(WithoutNulls(value)), keys++, &key);
      } else if (old->is_object() && value.is_object()) {
        MergeObject(old->get_object(), value.get_object(), ChildPath(path, key));
      } else {
        Diff(*old, WithoutNulls(value), ChildPath(path, key));
      }
    }
  }

  void Diff(const json::value& before, const json::value& after, const std::string& path) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) return DiffObject(before.get_object(), after.get_object(), path);
    if (before.is_array() && after.is_array()) return DiffArray(before.get_array(), after.get_array(), path);
    change_.Replace(path, JsonSize(before), ToJson(after));
  }

  void DiffObject(const json::object& before, const json::object& after, const std::string& path) {
    size_t keys = before.size();
    for (const auto& [view, value] : before) {
      const std::string key(view);
      if (!after.contains(view)) change_.Remove(ChildPath(path, key), JsonSize(value), --keys, &key);
    }
    for (const auto& [view, value] : after) {
      const std::string key(view);
      if (const json::value* old = before.if_contains(view)) {
        Diff(*old, value, ChildPath(path, key));
      } else {
        change_.Add(ChildPath(path, key), ToJson(value), keys++, &key);
      }
    }
  }

  void DiffArray(const json::array& before, const json::array& after, const std::string& path) {
    struct Sink {
      void Remove(size_t at, size_t b) {
        differ.change_.Remove(ChildPath(path, at), JsonSize(before[b]), --size, nullptr);
      }
      void Add(size_t at, size_t a) { differ.change_.Add(ChildPath(path, at), ToJson(after[a]), size++, nullptr); }
      void Change(size_t at, size_t b, size_t a) { differ.Diff(before[b], after[a], ChildPath(path, at)); }

      Differ& differ;
      const json::array& before;
      const json::array& after;
      const std::string& path;
      size_t size;
    } sink{*this, before, after, path, before.size()};
    const auto same = [&](size_t b, size_t a) { return before[b] == after[a]; };
    DiffLists(before.size(), after.size(), same, sink);
  }

  StateChange change_;
};

}  // namespace

StateChange ChangeFromMerge(const json::object& state, const json::object& merge) {
  return Differ().Merge(state, merge);
}

void Merge(json::object& state, const json::object& merge) {
  for (const auto& [key, value] : merge) {
    json::value* old = state.if_contains(key);
    if (value.is_null()) {
      if (old != nullptr) state.stable_erase(state.find(key));
    } else if (old != nullptr && old->is_object() && value.is_object()) {
      Merge(old->get_object(), value.get_object());
    } else {
      state.insert_or_assign(key, WithoutNulls(value));
    }
  }
}

}  // namespace atrium
