#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

// The texts that calls write begin with this.
inline constexpr char kMarkerPrefix[] = "w:";

// Returns the frame as bytes, which are equal for equal frames only.
std::string Bytes(const v1::ServerFrame& frame);

// Visits each marker that the frame carries, in the data of an event or in the values of a patch.
void ForEachMarker(const v1::ServerFrame& frame, const std::function<void(const std::string&)>& visit);

}  // namespace atrium::verify
