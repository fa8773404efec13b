#pragma once

#include <string>

#include "atrium/v1/frames.pb.h"
#include "server/api/rpc_table.h"

namespace atrium {

// The sessions, as the API reaches them. Any thread.
class SessionDirectory {
 public:
  virtual ~SessionDirectory() = default;

  // Brings the session or component `request.member_id` into a room; its session gets a `snapshot` frame. NOT_FOUND: no
  // such session or component; else as RoomApi::Admit.
  virtual void Bring(v1::JoinRequest request, Done<v1::JoinResponse> done) = 0;
};

}  // namespace atrium
