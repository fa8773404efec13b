#pragma once

#include <any>
#include <string>

#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/common/session_key.h"
#include "server/live/authoring/hooks.h"
#include "server/live/rooms/site.h"
#include "server/wire/frames.h"
#include "server/wire/value_size.h"

namespace atrium {

inline constexpr size_t kMaxMemberInfoBytes = 1024;

// What the server knows of a session or component that joins a room.
struct MemberIdentity {
  std::string id;
  // It is empty for an anonymous client.
  std::string user_id;
  // An IP address, which is empty if it is unknown.
  std::string address;
  // Everybody may see this; it is at most kMaxMemberInfoBytes of JSON.
  json::object info;
  // Its frames go to this session.
  SessionKey session = 0;
  // This is the key of a component; 0 stands for the session itself.
  SessionKey component = 0;
  // This is null for a member of before a restart, which has no session any more.
  Site* site = nullptr;
  Encoding encoding = Encoding::kWebSocketJson;
};

// Returns how many bytes of protobuf a member takes in a list of members, at most.
inline int64_t ListedBytes(const MemberIdentity& who) {
  // Its time, a flag, tags and lengths take no more than this.
  constexpr size_t kRest = 64;
  const int64_t info = who.info.empty() ? 0 : SizeOf(who.info).proto;
  return static_cast<int64_t>(kRest + who.id.size() + who.user_id.size()) + info;
}

// Who reads all that is public of a room, without being a member.
struct ObserverIdentity {
  SessionKey key = 0;
  Site* site = nullptr;
  Encoding encoding = Encoding::kWebSocketJson;
};

// Returns what room code sees of a member.
inline MemberInfo InfoOf(const MemberIdentity& who) {
  return {.id = who.id, .user_id = who.user_id, .info = who.info, .session = who.session, .address = who.address};
}

// A member of a room, on the room's shard.
struct Member {
  MemberIdentity identity;
  absl::Time join_time;
  // The private bag that OnJoin filled and OnLeave gets.
  std::any membership;
  // Whether its client has a connection.
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
