#include "server/session/session_id.h"

#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace atrium {

std::string NewSessionId(int shard, absl::BitGenRef random) {
  return absl::StrFormat("s%d-%016x%016x", shard, absl::Uniform<uint64_t>(random), absl::Uniform<uint64_t>(random));
}

int ShardOfSession(absl::string_view id, int shards) {
  const size_t dash = id.find('-');
  int shard = -1;
  if (!absl::StartsWith(id, "s") || dash == absl::string_view::npos) return -1;
  if (!absl::SimpleAtoi(id.substr(1, dash - 1), &shard) || shard < 0 || shard >= shards) return -1;
  return shard;
}

}  // namespace atrium
