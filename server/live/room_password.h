#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/live/attempt_limiter.h"
#include "server/live/hooks.h"
#include "server/live/live_room.h"

namespace atrium {

// Starts libsodium; once, before any password is hashed. INTERNAL if it cannot.
absl::Status StartPasswordHashing();

// The password of a room: hashes and checks one on threads of the server's worker pool, and slows down who guesses. A
// member of a room class; the hash is kept in the room's meta, so that it comes and goes with the step that sets it.
//
// argon2id by libsodium, at its "interactive" limits: 2 passes over 64 MiB, some 100 ms. Compared in constant time.
class RoomPassword {
 public:
  static constexpr size_t kMaxBytes = 128;
  // Wrong ones of a session, and of a client address (of a /64, for IPv6), before they have to wait. Those that are
  // being checked count.
  static constexpr size_t kAttempts = 5;
  static constexpr absl::Duration kWindow = absl::Minutes(1);

  // `room` is the one that has this as a member.
  explicit RoomPassword(LiveRoomBase& room);

  // INVALID_ARGUMENT naming `field` if `password` has more than 128 bytes. An empty one means none.
  static absl::Status Validate(absl::string_view field, absl::string_view password);

  // The hash of `password`, for the room's meta; empty for an empty one. One at a time, so that none overtakes another:
  // ABORTED while another is made. RESOURCE_EXHAUSTED if the server is busy.
  Awaitable<absl::StatusOr<std::string>> Hash(std::string password);

  // Whether `password` is the one with this `hash`. PERMISSION_DENIED ("Wrong password") if not; RESOURCE_EXHAUSTED if
  // `who` has guessed too often, which says when to try again, or if the server is busy. An empty password is wrong,
  // but no guess.
  Awaitable<absl::Status> Check(MemberInfo who, std::string hash, std::string password);

 private:
  LiveRoomBase& room_;
  AttemptLimiter attempts_;
  bool hashing_ = false;
};

}  // namespace atrium
