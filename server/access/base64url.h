#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Reads base64url as JOSE has it (RFC 7515 section 2): only its alphabet, no padding, and unused bits are 0, so that no
// bytes can be written in two ways. Returns nothing if `text` is anything else.
std::optional<std::string> ReadBase64Url(absl::string_view text);

}  // namespace atrium
