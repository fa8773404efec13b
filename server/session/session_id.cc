#include "server/session/session_id.h"

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace atrium {

std::string NewSessionId(SessionHome home, absl::BitGenRef random) {
  constexpr absl::string_view kCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  constexpr int kLength = 12;
  std::string id = absl::StrCat("s", home.Number(), "-");
  for (int i = 0; i < kLength; ++i) id += kCharacters[absl::Uniform<size_t>(random, 0, kCharacters.size())];
  return id;
}

int ShardOfSession(absl::string_view id, int shards) {
  const size_t dash = id.find('-');
  uint32_t home = 0;
  if (!absl::StartsWith(id, "s") || dash == absl::string_view::npos) return -1;
  if (!absl::SimpleAtoi(id.substr(1, dash - 1), &home)) return -1;
  // Homes of other nodes have a slot, and with that a larger number than any of this one.
  return home < static_cast<uint32_t>(shards) ? static_cast<int>(home) : -1;
}

}  // namespace atrium
