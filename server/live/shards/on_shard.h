#pragma once

// ATRIUM_ON_SHARD(shard) ends the process, saying which method it was and where, unless that runs on the shard. It does
// so in Debug and sanitizer builds, which define ATRIUM_CHECK_SHARDS, and nothing at all in others.
#ifdef ATRIUM_CHECK_SHARDS

#include <cstdio>
#include <cstdlib>

#include "server/live/shards/shard.h"

namespace atrium {

inline void CheckOnShard(const Shard& shard, const char* method, const char* file, int line) {
  if (shard.IsCurrent()) return;
  std::fprintf(stderr, "%s:%d: %s runs off its shard %d\n", file, line, method, shard.index());
  std::abort();
}

}  // namespace atrium

#define ATRIUM_ON_SHARD(shard) ::atrium::CheckOnShard(shard, __PRETTY_FUNCTION__, __FILE__, __LINE__)

#else
#define ATRIUM_ON_SHARD(shard) static_cast<void>(0)
#endif
