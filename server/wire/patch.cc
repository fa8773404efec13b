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

// An operation takes so much as JSON beside its path and its value: {"op":"replace","path":"","value":},
constexpr size_t kOpBytes = 36;

absl::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kAdd: return "add";
    case Kind::kRemove: return "remove";
    case Kind::kReplace: return "replace";
  }
  return "";
}

// How deep the lists and objects in a JSON text without white space nest, and how many values it holds.
struct Extent {
  int depth = 0;
  size_t values = 1;
};
Extent ExtentOf(absl::string_view text) {
  Extent extent;
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\') ++i;
      if (text[i] == '"') in_string = false;
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '[' || text[i] == '{') {
      extent.depth = std::max(extent.depth, ++depth);
      const bool empty = text[i + 1] == ']' || text[i + 1] == '}';
      extent.values += empty ? 0 : 1;
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    } else if (text[i] == ',') {
      ++extent.values;
    }
  }
  return extent;
}

// Returns the size of an entry with its comma, and its key and colon.
ValueSize EntrySize(ValueSize value, size_t others, const std::string* key) {
  if (key != nullptr) value += SizeOfKey(*key);
  if (others > 0) value.json += 1;
  return value;
}

// An operation takes so much as protobuf beside its path and its value.
constexpr size_t kProtoOpBytes = 24;

int64_t ProtoBytes(const Patch& patch) {
  int64_t bytes = 0;
  for (const PatchOp& op : patch) {
    bytes += static_cast<int64_t>(kProtoOpBytes + op.path.size()) + SizeOfJson(op.value).proto;
  }
  return bytes;
}

}  // namespace

std::string ChildPath(absl::string_view path, absl::string_view key) {
  return absl::StrCat(path, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}

std::string ChildPath(absl::string_view path, size_t index) { return absl::StrCat(path, "/", index); }

void StateChange::Add(std::string path, std::string value, size_t others, const std::string* key) {
  growth += EntrySize(SizeOfJson(value), others, key);
  Push({Kind::kAdd, std::move(path), std::move(value)});
}

void StateChange::Remove(std::string path, const ValueSize& old, size_t others, const std::string* key) {
  growth -= EntrySize(old, others, key);
  patch.push_back({Kind::kRemove, std::move(path), {}});
}

void StateChange::Replace(std::string path, const ValueSize& old, std::string value) {
  growth += SizeOfJson(value);
  growth -= old;
  Push({Kind::kReplace, std::move(path), std::move(value)});
}

void StateChange::Push(PatchOp op) {
  const Extent extent = ExtentOf(op.value);
  depth = std::max(depth, static_cast<int>(std::count(op.path.begin(), op.path.end(), '/')) + extent.depth);
  values += extent.values;
  work += extent.values;
  patch.push_back(std::move(op));
}

void StateChange::ReplaceSince(const Mark& mark, std::string path, const ValueSize& old, std::string value) {
  patch.resize(mark.operations);
  growth = mark.growth;
  depth = mark.depth;
  values = mark.values;
  Replace(std::move(path), old, std::move(value));
}

void StateChange::Append(StateChange next) {
  std::move(next.patch.begin(), next.patch.end(), std::back_inserter(patch));
  growth += next.growth;
  depth = std::max(depth, next.depth);
  values += next.values;
  work += next.work;
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

void StateChange::Bound(const ValueSize& state, absl::FunctionRef<std::string()> whole) {
  // A patch that is shorter than this has room in a message, whatever is in it.
  constexpr size_t kLong = 256 << 10;
  const size_t bytes = Bytes(0);
  if (bytes <= kLong) return;
  const auto more_than_state = static_cast<int64_t>(bytes) > state.json;
  if (more_than_state || ProtoBytes(patch) > kMaxProtoBytes) patch = {{Kind::kReplace, "", whole()}};
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
