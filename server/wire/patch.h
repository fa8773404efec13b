#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"

namespace atrium {

// One RFC 6902 operation on a state. Atrium makes add, remove and replace only.
struct PatchOp {
  enum class Kind { kAdd, kRemove, kReplace };
  Kind kind;
  std::string path;   // RFC 6901
  std::string value;  // canonical JSON; empty for kRemove
};
using Patch = std::vector<PatchOp>;

// The pointer to an entry of the object, or an element of the list, at `path`.
std::string ChildPath(absl::string_view path, absl::string_view key);
std::string ChildPath(absl::string_view path, size_t index);

// What changes of a state: the patch for those who have a copy, and by how many bytes its JSON grows. Both are known
// before anything changes, so that limits can be checked first.
struct StateChange {
  Patch patch;
  // Negative if it shrinks.
  int64_t growth = 0;
  // Of the JSON of the values added or replaced, counted from the state itself; see kMaxJsonDepth.
  int depth = 0;

  // `others`: how many entries or elements stand beside this one. `key`: that of an object's entry; null in a list.
  void Add(std::string path, std::string value, size_t others, const std::string* key);
  void Remove(std::string path, size_t old_size, size_t others, const std::string* key);
  void Replace(std::string path, size_t old_size, std::string value);
  // Appends what happens next.
  void Append(StateChange next);

  // The bytes that the operations from the one at `first` on take in a frame, about.
  size_t Bytes(size_t first) const;
  // Puts one replacement in the place of these operations, which all lie within `path`, where it is shorter.
  void Collapse(size_t first, const std::string& path, std::string value);
};

// [{"op":"add","path":"/a","value":1}]
void AppendPatchJson(std::string& out, const Patch& patch);
google::protobuf::RepeatedPtrField<v1::PatchOperation> ToProto(const Patch& patch);

}  // namespace atrium
