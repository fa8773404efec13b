#pragma once

#include <any>
#include <string>

#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/live/channel.h"
#include "server/live/shard.h"
#include "server/wire/frames.h"

namespace atrium {

// What the server knows of one who joins a room: a session, or a component of one.
struct MemberIdentity {
  std::string id;
  // Empty for an anonymous client.
  std::string user_id;
  // Where its frames go.
  SessionKey session = 0;
  // Of a component; 0 for the session itself.
  SessionKey component = 0;
  Shard* shard = nullptr;
  Encoding encoding = Encoding::kWebSocketJson;
};

struct Member {
  MemberIdentity identity;
  absl::Time join_time;
  // The private bag that OnJoin filled; for OnLeave.
  std::any membership;

  v1::Member ToProto() const {
    v1::Member member;
    member.set_id(identity.id);
    member.set_user_id(identity.user_id);
    *member.mutable_join_time() = ToTimestamp(join_time);
    return member;
  }
};

}  // namespace atrium
