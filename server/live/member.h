#pragma once

#include <any>
#include <string>

#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/live/channel.h"
#include "server/live/hooks.h"
#include "server/live/shard.h"
#include "server/wire/frames.h"

namespace atrium {

inline constexpr size_t kMaxMemberInfoBytes = 1024;

// What the server knows of one who joins a room: a session, or a component of one.
struct MemberIdentity {
  std::string id;
  // Empty for an anonymous client.
  std::string user_id;
  // An IP address; empty if it is unknown.
  std::string address;
  // What everybody may see of it; at most kMaxMemberInfoBytes of JSON.
  json::object info;
  // Where its frames go.
  SessionKey session = 0;
  // Of a component; 0 for the session itself.
  SessionKey component = 0;
  Shard* shard = nullptr;
  Encoding encoding = Encoding::kWebSocketJson;
};

// Who reads all that is public of a room, without being a member.
struct ObserverIdentity {
  SessionKey key = 0;
  Shard* shard = nullptr;
  Encoding encoding = Encoding::kWebSocketJson;
};

// As room code sees it.
inline MemberInfo InfoOf(const MemberIdentity& who) {
  return {.id = who.id, .user_id = who.user_id, .info = who.info, .session = who.session, .address = who.address};
}

struct Member {
  MemberIdentity identity;
  absl::Time join_time;
  // The private bag that OnJoin filled; for OnLeave.
  std::any membership;
  // Its client has a connection.
  bool connected = true;

  v1::Member ToProto() const {
    v1::Member member;
    member.set_id(identity.id);
    member.set_user_id(identity.user_id);
    *member.mutable_join_time() = ToTimestamp(join_time);
    member.set_connected(connected);
    if (!identity.info.empty()) *member.mutable_info() = ToProtoValue(identity.info).struct_value();
    return member;
  }
};

}  // namespace atrium
