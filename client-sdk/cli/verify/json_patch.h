#pragma once

#include <boost/json/value.hpp>

#include "absl/status/status.h"
#include "atrium/v1/frames.pb.h"

namespace atrium::verify {

// Applies RFC 6902 operations (add, remove, replace) as a client does. INVALID_ARGUMENT names the one that does not
// fit; `state` is then half changed.
absl::Status ApplyPatch(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations,
                        boost::json::value& state);

}  // namespace atrium::verify
