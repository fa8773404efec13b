#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/json.h"

namespace atrium {

// One RFC 6902 operation on a state. Atrium makes add, remove and replace only.
struct PatchOp {
  enum class Kind { kAdd, kRemove, kReplace };
  Kind kind;
  std::string path;   // RFC 6901
  json::value value;  // null for kRemove
};
using Patch = std::vector<PatchOp>;

struct MergeResult {
  Patch patch;
  // How many bytes JsonSize(state) grows by the patch; negative if it shrinks.
  int64_t growth = 0;
};

// What the RFC 7396 merge patch `merge` changes of `state`. Keys whose value stays are left out, so an empty patch
// means no change. `state` is not touched, so that limits can be checked first.
MergeResult PatchFromMerge(const json::object& state, const json::object& merge);

// A patch that turns `before` into `after`: ApplyPatch(before, Diff(before, after)) == after. A list that had its
// front dropped, elements appended, or both, costs what was dropped and appended, not what stayed.
Patch Diff(const json::value& before, const json::value& after);

// Applies `patch` to `state`. INVALID_ARGUMENT, with `state` changed up to there, if a path does not resolve.
absl::Status ApplyPatch(const Patch& patch, json::value& state);

// [{"op":"add","path":"/a","value":1}]
void AppendPatchJson(std::string& out, const Patch& patch);
google::protobuf::RepeatedPtrField<v1::PatchOperation> ToProto(const Patch& patch);

}  // namespace atrium
