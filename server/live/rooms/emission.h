#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/live/authoring/hooks.h"
#include "server/live/rooms/member.h"
#include "server/wire/payload.h"

namespace atrium {

// An event on its way into a room from outside.
struct Emission {
  absl::string_view event;
  Payload data;
  // This is the member that emits, or null for a service.
  const MemberIdentity* sender = nullptr;
  bool include_self = false;
  // Whether it is the word of the sender's client, and not of server code.
  bool from_client = false;
  EmitOptions options;
};

// Gets to how many sessions an event was handed.
using EmitDone = absl::AnyInvocable<void(absl::StatusOr<int>)>;

}  // namespace atrium
