#include "server/access/base64url.h"

#include "absl/strings/escaping.h"

namespace atrium {

std::optional<std::string> ReadBase64Url(absl::string_view text) {
  std::string bytes;
  // Abseil also takes padding, white space and bits that are not used, and writes none of them.
  if (!absl::WebSafeBase64Unescape(text, &bytes) || absl::WebSafeBase64Escape(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace atrium
