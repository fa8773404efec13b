#include "server/session/resume_token.h"

#include <sodium.h>

#include "absl/strings/str_cat.h"

namespace atrium {

std::string NewResumeToken(absl::string_view session_id, uint32_t generation) {
  uint64_t secret[2];
  randombytes_buf(secret, sizeof secret);
  return absl::StrCat(session_id, ".", generation, ".", absl::Hex(secret[0], absl::kZeroPad16),
                      absl::Hex(secret[1], absl::kZeroPad16));
}

absl::string_view SessionOfResumeToken(absl::string_view token) { return token.substr(0, token.find('.')); }

bool SameToken(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace atrium
