#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/room_pattern.h"

namespace atrium {

// A part of what a service may do. It is immutable.
struct ServiceScope {
  // These are names of methods (`Emit`), or their beginnings with a `*` behind (`Get*`, `*`).
  std::vector<std::string> methods;
  // Without it the scope is for all rooms, and for methods that are not about one room. With it for methods that are
  // about one of these rooms only.
  std::optional<std::vector<RoomPattern>> rooms;

  // Whether it allows the method; `room_id` is empty if that is not about one room.
  bool Allows(absl::string_view method, absl::string_view room_id, bool typed) const;
};

// A trusted backend that has shown a credential. It is immutable.
struct ServiceIdentity {
  // This is `key:ID` of a service key.
  std::string subject;
  std::vector<ServiceScope> scopes;
  absl::Time expires = absl::InfiniteFuture();

  // Whether one of its scopes allows the method.
  bool Allows(absl::string_view method, absl::string_view room_id, bool typed) const;
};

}  // namespace atrium
