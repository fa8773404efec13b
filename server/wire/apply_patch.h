#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "absl/status/status.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/json.h"

namespace atrium {

// Changes a state by a patch that was made of it (wire/patch.h). INVALID_ARGUMENT naming the operation if that is not
// one that Atrium makes, or if its path is not there; the state is then of no use any more. It is thread-safe.
absl::Status ApplyPatch(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations, json::value& state);

}  // namespace atrium
