#pragma once

#include <boost/json/value.hpp>

#include "atrium/v1/frames.pb.h"

namespace atrium {

// Applies add, remove and replace of RFC 6902 to a client's copy of the state, apart from the server's own. False if a
// path does not resolve.
bool ApplyToCopy(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations, boost::json::value& state);

}  // namespace atrium
