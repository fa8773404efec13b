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
#include "server/live/channel.h"
#include "server/wire/payload.h"

namespace atrium {

// What a hook of a room returns: it may wait (`co_await`) and ends with a value (`co_return`).
template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Who a hook or a method has to do with, by the server's word.
struct MemberInfo {
  std::string id;
  // Empty for an anonymous client.
  std::string user_id;
  // What everybody sees of it as Member.info; may be empty. Of a joiner: JoinContext.info.
  json::object info;
  // The session that it is or belongs to. It never leaves the server.
  SessionKey session = 0;
  // Where that comes from, an IP address; empty if it is unknown. It never leaves the server.
  std::string address;
};

struct JoinContext {
  MemberInfo member;
  // As the service gave it; empty if it gave none.
  Payload payload;
  // What everybody will see as Member.info: as the service gave it, or as OnJoin changes it; at most 1 KiB of JSON.
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

// An event on its way into the room from outside: from a member, or from a service.
struct EventContext {
  std::optional<MemberInfo> sender;
  absl::string_view event;
  const Payload& data;
};

struct CallContext {
  // The member that calls, or whose component does; none for a service.
  std::optional<MemberInfo> member;
  absl::Time time;
  // The arguments are a client's word; else server code's.
  bool from_client = false;
};

// Who gets an event that a room emits. With any in `to`, only these members.
struct EmitOptions {
  std::vector<std::string> exclude;
  std::vector<std::string> to;
  // Takes no offset, is not recorded, and goes first when a member is slow.
  bool is_volatile = false;
};

}  // namespace atrium
