#pragma once

#include <cstdint>

#include "server/common/session_key.h"

namespace atrium {

// The sessions of one shard, as the parts of one of them know them. Runs on the shard.
class SessionTable {
 public:
  // Returns whether the session is still there. If it is, it first gets what its rooms have posted to it: what is done
  // next came through the mailbox behind that.
  virtual bool Reach(SessionKey key) = 0;

  // Ends the session if it has had no connection since the one of that generation.
  virtual void EndIfAway(SessionKey key, uint32_t generation) = 0;

 protected:
  ~SessionTable() = default;
};

}  // namespace atrium
