#include "server/session/resume_token.h"

#include <sodium.h>

#include "absl/strings/str_cat.h"

namespace atrium {

ResumeToken::ResumeToken(uint32_t generation) : generation_(generation) {
  randombytes_buf(secret_.data(), sizeof secret_);
}

std::string ResumeToken::Text(absl::string_view session_id) const {
  return absl::StrCat(session_id, ".", generation_, ".", absl::Hex(secret_[0], absl::kZeroPad16),
                      absl::Hex(secret_[1], absl::kZeroPad16));
}

bool ResumeToken::Is(absl::string_view token, absl::string_view session_id) const {
  if (generation_ == 0) return false;
  const std::string own = Text(session_id);
  return own.size() == token.size() && sodium_memcmp(own.data(), token.data(), own.size()) == 0;
}

absl::string_view SessionOfResumeToken(absl::string_view token) { return token.substr(0, token.find('.')); }

}  // namespace atrium
