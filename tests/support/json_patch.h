#pragma once

#include <boost/json/value.hpp>

#include "atrium/v1/frames.pb.h"

namespace atrium {

// Applies a patch frame to a client's copy of the state: add, remove and replace of RFC 6902, apart from the server's
// own. Fails the test if a path does not resolve.
void ApplyPatchFrame(const v1::StatePatch& patch, boost::json::value& state);

}  // namespace atrium
