#include "server/wire/patch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/wire/json.h"
#include "server/wire/payload.h"

namespace atrium {
namespace {

using Kind = PatchOp::Kind;

// {"op":"replace","path":"","value":},
constexpr size_t kOpBytes = 36;

absl::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kAdd: return "add";
    case Kind::kRemove: return "remove";
    case Kind::kReplace: return "replace";
  }
  return "";
}

// Of the lists and objects in a JSON text.
int DepthOf(absl::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\') ++i;
      if (text[i] == '"') in_string = false;
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '[' || text[i] == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return deepest;
}

int DepthOf(const PatchOp& op) {
  return static_cast<int>(std::count(op.path.begin(), op.path.end(), '/')) + DepthOf(absl::string_view(op.value));
}

// With its comma, and its key and colon.
int64_t EntrySize(size_t value_size, size_t others, const std::string* key) {
  const size_t key_size = key == nullptr ? 0 : JsonSize(json::value(FromView(*key))) + 1;
  return static_cast<int64_t>(key_size + value_size + (others > 0 ? 1 : 0));
}

}  // namespace

std::string ChildPath(absl::string_view path, absl::string_view key) {
  return absl::StrCat(path, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}

std::string ChildPath(absl::string_view path, size_t index) { return absl::StrCat(path, "/", index); }

void StateChange::Add(std::string path, std::string value, size_t others, const std::string* key) {
  growth += EntrySize(value.size(), others, key);
  patch.push_back({Kind::kAdd, std::move(path), std::move(value)});
  depth = std::max(depth, DepthOf(patch.back()));
}

void StateChange::Remove(std::string path, size_t old_size, size_t others, const std::string* key) {
  growth -= EntrySize(old_size, others, key);
  patch.push_back({Kind::kRemove, std::move(path), {}});
}

void StateChange::Replace(std::string path, size_t old_size, std::string value) {
  growth += static_cast<int64_t>(value.size()) - static_cast<int64_t>(old_size);
  patch.push_back({Kind::kReplace, std::move(path), std::move(value)});
  depth = std::max(depth, DepthOf(patch.back()));
}

void StateChange::Append(StateChange next) {
  std::move(next.patch.begin(), next.patch.end(), std::back_inserter(patch));
  growth += next.growth;
  depth = std::max(depth, next.depth);
}

size_t StateChange::Bytes(size_t first) const {
  size_t bytes = 0;
  for (size_t i = first; i < patch.size(); ++i) bytes += kOpBytes + patch[i].path.size() + patch[i].value.size();
  return bytes;
}

void StateChange::Collapse(size_t first, const std::string& path, std::string value) {
  if (kOpBytes + path.size() + value.size() >= Bytes(first)) return;
  patch.resize(first);
  patch.push_back({Kind::kReplace, path, std::move(value)});
}

void AppendPatchJson(std::string& out, const Patch& patch) {
  char separator = '[';
  for (const PatchOp& op : patch) {
    absl::StrAppend(&out, absl::string_view(&separator, 1), "{\"op\":\"", Name(op.kind), "\",\"path\":");
    AppendJsonString(out, op.path);
    if (op.kind != Kind::kRemove) absl::StrAppend(&out, ",\"value\":", op.value);
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
    if (op.kind != Kind::kRemove) *operation.mutable_value() = Payload::FromText(op.value).ToValue();
  }
  return operations;
}

}  // namespace atrium
