#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// A message of permessage-deflate (RFC 7692) without context takeover, and back, by zlib alone. Unpacking fails the
// test, and gives nothing, if it is none.
std::string DeflateMessage(absl::string_view message);
std::string InflateMessage(absl::string_view compressed);

}  // namespace atrium
