#include "server/wire/patch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"
#include "server/wire/payload.h"

namespace atrium {
namespace {

using Kind = PatchOp::Kind;

std::string Child(absl::string_view path, absl::string_view key) {
  return absl::StrCat(path, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}
std::string Child(absl::string_view path, size_t index) { return absl::StrCat(path, "/", index); }

absl::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kAdd: return "add";
    case Kind::kRemove: return "remove";
    case Kind::kReplace: return "replace";
  }
  return "";
}

// RFC 7396: a merge patch that becomes a value of its own loses its nulls.
json::value WithoutNulls(const json::value& merge) {
  if (!merge.is_object()) return merge;
  json::object out;
  for (const auto& [key, value] : merge.get_object()) {
    if (!value.is_null()) out.emplace(key, WithoutNulls(value));
  }
  return out;
}

class Merger {
 public:
  MergeResult Run(const json::object& state, const json::object& merge) {
    MergeObject(state, merge, "");
    return std::move(result_);
  }

 private:
  void MergeObject(const json::object& state, const json::object& merge, const std::string& path) {
    size_t keys = state.size();
    for (const auto& [key, value] : merge) {
      const json::value* old = state.if_contains(key);
      if (value.is_null()) {
        if (old == nullptr) continue;
        result_.growth -= EntrySize(ToView(key), *old) + (--keys > 0 ? 1 : 0);
        result_.patch.push_back({Kind::kRemove, Child(path, ToView(key)), nullptr});
      } else if (old == nullptr) {
        json::value added = WithoutNulls(value);
        result_.growth += EntrySize(ToView(key), added) + (keys++ > 0 ? 1 : 0);
        result_.patch.push_back({Kind::kAdd, Child(path, ToView(key)), std::move(added)});
      } else if (old->is_object() && value.is_object()) {
        MergeObject(old->get_object(), value.get_object(), Child(path, ToView(key)));
      } else {
        Replace(*old, WithoutNulls(value), Child(path, ToView(key)));
      }
    }
  }

  void Replace(const json::value& old, json::value value, std::string path) {
    if (old == value) return;
    result_.growth += static_cast<int64_t>(JsonSize(value)) - static_cast<int64_t>(JsonSize(old));
    result_.patch.push_back({Kind::kReplace, std::move(path), std::move(value)});
  }

  static int64_t EntrySize(absl::string_view key, const json::value& value) {
    return static_cast<int64_t>(JsonSize(json::value(FromView(key))) + 1 + JsonSize(value));
  }

  MergeResult result_;
};

class Differ {
 public:
  Patch Run(const json::value& before, const json::value& after) {
    DiffValue(before, after, "");
    return std::move(patch_);
  }

 private:
  void DiffValue(const json::value& before, const json::value& after, const std::string& path) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) return DiffObject(before.get_object(), after.get_object(), path);
    if (before.is_array() && after.is_array()) return DiffArray(before.get_array(), after.get_array(), path);
    patch_.push_back({Kind::kReplace, path, after});
  }

  void DiffObject(const json::object& before, const json::object& after, const std::string& path) {
    for (const auto& [key, value] : before) {
      if (!after.contains(key)) patch_.push_back({Kind::kRemove, Child(path, ToView(key)), nullptr});
    }
    for (const auto& [key, value] : after) {
      const json::value* old = before.if_contains(key);
      if (old == nullptr) {
        patch_.push_back({Kind::kAdd, Child(path, ToView(key)), value});
      } else {
        DiffValue(*old, value, Child(path, ToView(key)));
      }
    }
  }

  void DiffArray(const json::array& before, const json::array& after, const std::string& path) {
    if (const size_t dropped = DroppedFront(before, after); dropped > 0) {
      for (size_t i = 0; i < dropped; ++i) patch_.push_back({Kind::kRemove, Child(path, size_t{0}), nullptr});
      Insert(after, before.size() - dropped, after.size(), path);
      return;
    }
    const size_t shorter = std::min(before.size(), after.size());
    size_t prefix = 0;
    while (prefix < shorter && before[prefix] == after[prefix]) ++prefix;
    size_t suffix = 0;
    while (suffix < shorter - prefix && before[before.size() - 1 - suffix] == after[after.size() - 1 - suffix]) {
      ++suffix;
    }
    const size_t before_end = before.size() - suffix;
    const size_t after_end = after.size() - suffix;
    const size_t both_end = std::min(before_end, after_end);
    for (size_t i = prefix; i < both_end; ++i) DiffValue(before[i], after[i], Child(path, i));
    for (size_t i = both_end; i < before_end; ++i) patch_.push_back({Kind::kRemove, Child(path, both_end), nullptr});
    Insert(after, both_end, after_end, path);
  }

  void Insert(const json::array& after, size_t begin, size_t end, const std::string& path) {
    for (size_t i = begin; i < end; ++i) patch_.push_back({Kind::kAdd, Child(path, i), after[i]});
  }

  // The least k > 0 for which before[k..] is not empty and begins `after`; 0 if there is none. Not tried where the
  // first elements are equal: then a common prefix serves.
  static size_t DroppedFront(const json::array& before, const json::array& after) {
    if (before.empty() || after.empty() || before[0] == after[0]) return 0;
    for (size_t k = 1; k < before.size(); ++k) {
      if (before.size() - k > after.size() || !(before[k] == after[0])) continue;
      if (std::equal(before.begin() + k, before.end(), after.begin())) return k;
    }
    return 0;
  }

  Patch patch_;
};

absl::Status BadPath(const PatchOp& op) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_PATCH",
                   absl::StrCat(Name(op.kind), " ", op.path, ": no such place in the state"));
}

absl::Status ApplyToArray(const PatchOp& op, absl::string_view token, json::array& array) {
  size_t index = array.size();
  if (token != "-" && (!absl::SimpleAtoi(token, &index) || (token.size() > 1 && token[0] == '0'))) return BadPath(op);
  if (index > array.size() || (index == array.size() && op.kind != Kind::kAdd)) return BadPath(op);
  switch (op.kind) {
    case Kind::kAdd: array.insert(array.begin() + index, op.value); break;
    case Kind::kRemove: array.erase(array.begin() + index); break;
    case Kind::kReplace: array[index] = op.value; break;
  }
  return absl::OkStatus();
}

absl::Status ApplyToObject(const PatchOp& op, const std::string& key, json::object& object) {
  if (op.kind != Kind::kAdd && !object.contains(key)) return BadPath(op);
  if (op.kind == Kind::kRemove) {
    object.stable_erase(object.find(key));
  } else {
    object.insert_or_assign(key, op.value);
  }
  return absl::OkStatus();
}

absl::Status ApplyOp(const PatchOp& op, json::value& state) {
  if (op.path.empty()) {
    if (op.kind == Kind::kRemove) return BadPath(op);
    state = op.value;
    return absl::OkStatus();
  }
  if (op.path[0] != '/') return BadPath(op);
  std::vector<std::string> tokens = absl::StrSplit(absl::string_view(op.path).substr(1), '/');
  for (std::string& token : tokens) token = absl::StrReplaceAll(token, {{"~1", "/"}, {"~0", "~"}});
  json::value* parent = &state;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    json::value* child = nullptr;
    if (json::object* object = parent->if_object()) {
      child = object->if_contains(tokens[i]);
    } else if (json::array* array = parent->if_array()) {
      size_t index = 0;
      if (absl::SimpleAtoi(tokens[i], &index)) child = array->if_contains(index);
    }
    if (child == nullptr) return BadPath(op);
    parent = child;
  }
  if (json::object* object = parent->if_object()) return ApplyToObject(op, tokens.back(), *object);
  if (json::array* array = parent->if_array()) return ApplyToArray(op, tokens.back(), *array);
  return BadPath(op);
}

}  // namespace

MergeResult PatchFromMerge(const json::object& state, const json::object& merge) { return Merger().Run(state, merge); }

Patch Diff(const json::value& before, const json::value& after) { return Differ().Run(before, after); }

absl::Status ApplyPatch(const Patch& patch, json::value& state) {
  for (const PatchOp& op : patch) {
    if (absl::Status status = ApplyOp(op, state); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void AppendPatchJson(std::string& out, const Patch& patch) {
  char separator = '[';
  for (const PatchOp& op : patch) {
    absl::StrAppend(&out, absl::string_view(&separator, 1), "{\"op\":\"", Name(op.kind), "\",\"path\":");
    AppendJsonString(out, op.path);
    if (op.kind != Kind::kRemove) {
      out += ",\"value\":";
      AppendJson(out, op.value);
    }
    out.push_back('}');
    separator = ',';
  }
  if (patch.empty()) out.push_back('[');
  out.push_back(']');
}

google::protobuf::RepeatedPtrField<v1::PatchOperation> ToProto(const Patch& patch) {
  google::protobuf::RepeatedPtrField<v1::PatchOperation> operations;
  for (const PatchOp& op : patch) {
    v1::PatchOperation& operation = *operations.Add();
    operation.set_op(std::string(Name(op.kind)));
    operation.set_path(op.path);
    if (op.kind != Kind::kRemove) *operation.mutable_value() = ToProtoValue(op.value);
  }
  return operations;
}

}  // namespace atrium
