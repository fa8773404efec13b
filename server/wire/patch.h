#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/value_size.h"

namespace atrium {

// One RFC 6902 operation on a state. Atrium makes add, remove and replace only.
struct PatchOp {
  enum class Kind { kAdd, kRemove, kReplace };
  Kind kind;
  std::string path;   // RFC 6901
  std::string value;  // canonical JSON; empty for kRemove
};
using Patch = std::vector<PatchOp>;

// Return the JSON Pointer (RFC 6901) to an entry of the object, or an element of the list, at `path`.
std::string ChildPath(absl::string_view path, absl::string_view key);
std::string ChildPath(absl::string_view path, size_t index);

// A list, object or map that changes by more operations than this is replaced as a whole, which costs both sides less.
inline constexpr size_t kMaxOperationsWithin = 1000;
// One change of a state has at most so many operations, and values that come with them (elements and entries, at any
// depth), because the thread of the room does nothing else meanwhile.
inline constexpr size_t kMaxChangeOperations = 10'000;
inline constexpr size_t kMaxChangeValues = 50'000;
// So many values may be written to find out what changes, those that were dropped for a replacement of more included.
inline constexpr size_t kMaxChangeWork = 2 * kMaxChangeValues;

// What changes of a state: the patch for those who have a copy, and by how many bytes its forms grow. Both are known
// before anything changes, so that limits can be checked first.
struct StateChange {
  Patch patch;
  // This is negative if the state shrinks.
  ValueSize growth;
  // This is the depth of the JSON of values added or replaced, counted from the state itself; see kMaxJsonDepth.
  int depth = 0;
  // So many values are added or replaced.
  size_t values = 0;
  // This is what kMaxChangeWork limits.
  size_t work = 0;

  // Returns whether this is more than a step may change; `patch` may then lack operations.
  bool TooLarge() const {
    return patch.size() > kMaxChangeOperations || values > kMaxChangeValues || work > kMaxChangeWork;
  }

  // Each appends one operation. So many `others`, entries or elements, stand beside the one at `path`. `key` is that of
  // an object's entry, and null in a list.
  void Add(std::string path, std::string value, size_t others, const std::string* key);
  void Remove(std::string path, const ValueSize& old, size_t others, const std::string* key);
  void Replace(std::string path, const ValueSize& old, std::string value);
  // Appends what happens next.
  void Append(StateChange next);

  // A change as it is at some moment.
  struct Mark {
    size_t operations;
    ValueSize growth;
    int depth;
    size_t values;
  };
  Mark Now() const { return {patch.size(), growth, depth, values}; }
  // Replaces the value at `path` as a whole, instead of what was done to it since `mark`.
  void ReplaceSince(const Mark& mark, std::string path, const ValueSize& old, std::string value);

  // Returns about how many bytes the operations from the one at `first` on take in a frame.
  size_t Bytes(size_t first) const;
  // Puts one replacement in the place of these operations, which all lie within `path`, where it is shorter.
  void Collapse(size_t first, const std::string& path, std::string value);

  // Puts a replacement by `whole`, the JSON of the changed state, in the place of a long patch that has more bytes than
  // that, or more than a message may have: small changes all over a state take several times what they change.
  void Bound(const ValueSize& state, absl::FunctionRef<std::string()> whole);

 private:
  void Push(PatchOp op);
};

// Appends the patch as RFC 6902 writes it: [{"op":"add","path":"/a","value":1}]
void AppendPatchJson(std::string& out, const Patch& patch);
google::protobuf::RepeatedPtrField<v1::PatchOperation> ToProto(const Patch& patch);

}  // namespace atrium
