#pragma once

#include <google/protobuf/message.h>

#include <any>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/common/session_key.h"
#include "server/wire/payload.h"

namespace atrium {

// What a hook of a room returns. The hook may wait (`co_await`) and ends with a value (`co_return`).
template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Who a hook or a method has to do with. All of it is the server's word.
struct MemberInfo {
  std::string id;
  // It is empty for an anonymous client.
  std::string user_id;
  // Everybody sees this as Member.info; it may be empty. That of a joiner is JoinContext.info.
  json::object info;
  // The session that it is or belongs to. It never leaves the server.
  SessionKey session = 0;
  // The IP address that the session comes from, which is empty if it is unknown. It never leaves the server.
  std::string address;
};

struct JoinContext {
  MemberInfo member;
  // The payload is as the service gave it, and empty if it gave none.
  Payload payload;
  // Everybody will see this as Member.info. It is as the service gave it, and OnJoin may change it; it is at most 1 KiB
  // of JSON.
  json::object info;
  // The member's own private bag: whatever OnJoin puts here, OnLeave gets back. It never leaves the server.
  std::any membership;

  // Reads the payload, a JSON object, into `message`, which stays as it is if there is none. INVALID_ARGUMENT naming
  // the field (`payload.name`) if it is not of that type.
  absl::Status ReadPayload(google::protobuf::Message& message) const;
};

struct LeaveContext {
  MemberInfo member;
  v1::LeaveReason reason;
  std::any membership;
};

// An event on its way into the room from outside, that is, from a member or a service.
struct EventContext {
  std::optional<MemberInfo> sender;
  absl::string_view event;
  const Payload& data;
};

// An event as components hear it.
struct HeardEvent {
  std::string event;
  Payload data;
  std::string sender_id;
  std::string sender_user_id;
  absl::Time time;
};

struct CallContext {
  // The member that calls, or whose component does; there is none for a service.
  std::optional<MemberInfo> member;
  absl::Time time;
  // If true, the arguments are a client's word; else they are server code's.
  bool from_client = false;
};

// Who gets an event that a room emits. If `to` names any members, only these do.
struct EmitOptions {
  std::vector<std::string> exclude;
  std::vector<std::string> to;
  // A volatile event takes no offset, is not recorded, and is dropped first when a member is slow.
  bool is_volatile = false;
};

}  // namespace atrium
