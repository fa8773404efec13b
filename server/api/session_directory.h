#pragma once

#include <string>

#include "atrium/v1/frames.pb.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"

namespace atrium {

// The sessions, as the API reaches them. Any thread may call it.
class SessionDirectory {
 public:
  virtual ~SessionDirectory() = default;

  // Brings the session or component `request.member_id` into a room, for `caller`; its session gets a `snapshot` frame.
  // NOT_FOUND if there is no such session or component; RESOURCE_EXHAUSTED if it is in too many rooms; else the errors
  // of Attendance::Admit. `done` runs once, on the session's shard, or at once when there can be no such session.
  virtual void Bring(const Caller& caller, v1::JoinRequest request, Done<v1::JoinResponse> done) = 0;
};

}  // namespace atrium
