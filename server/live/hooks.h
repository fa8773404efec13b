#pragma once

#include <any>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
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
};

struct JoinContext {
  MemberInfo member;
  // As the service gave it; empty if it gave none.
  Payload payload;
  // The member's own private bag: whatever OnJoin puts here, OnLeave gets back. It never leaves the server.
  std::any membership;
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
