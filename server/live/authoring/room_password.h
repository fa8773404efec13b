#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/live/authoring/attempt_limiter.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/live_room.h"
#include "server/live/shards/turns.h"

namespace atrium {

// Starts libsodium. It is called once, before any password is hashed. INTERNAL if libsodium cannot start.
absl::Status StartPasswordHashing();

// Hashes and checks the password of a room on threads of the server's worker pool, where addresses and sessions take
// turns, and slows down who guesses. It is a member of a room class and used in that room's hooks and methods only; the
// hash is kept in the room's meta, so that it comes and goes with the step that sets it.
//
// A session that has guessed wrong kAttempts times within kWindow is refused until that is over. Of an address (of a
// /64, for IPv6) from which so many wrong guesses came, each check waits kAddressDelay at most before it is made,
// unless its session or user has had the right password before: others of that address are held up, not kept out. In
// all, the room makes kChecksPerSecond.
//
// It is argon2id by libsodium, at its "interactive" limits (2 passes over 64 MiB, some 100 ms), and compared in
// constant time.
class RoomPassword {
 public:
  static constexpr size_t kMaxBytes = 128;
  // Guesses that are being checked count among these.
  static constexpr size_t kAttempts = 5;
  static constexpr absl::Duration kWindow = absl::Minutes(1);
  static constexpr absl::Duration kAddressDelay = absl::Seconds(2);
  static constexpr size_t kChecksPerSecond = 10;
  // So many may be delayed at once, and wait for the second in which they are checked: each holds a seat of the room.
  static constexpr int kMostDelayed = 32;
  static constexpr size_t kMostWaiting = 32;

  // `room` is the one that has this as a member.
  explicit RoomPassword(LiveRoomBase& room);

  // Returns INVALID_ARGUMENT naming `field` if `password` has more than 128 bytes. An empty one means none.
  static absl::Status Validate(absl::string_view field, absl::string_view password);

  // Returns the hash of `password`, for the room's meta; empty for an empty one. ABORTED while another is being made,
  // so that none overtakes another; RESOURCE_EXHAUSTED if the server is busy. `who` sets it; a service gives nobody.
  Awaitable<absl::StatusOr<std::string>> Hash(std::string password, std::optional<MemberInfo> who);

  // Returns OK if `password` is the one with this `hash`. PERMISSION_DENIED ("Wrong password") if not;
  // RESOURCE_EXHAUSTED if `who` has guessed too often or too many guess, which says when to try again, or if the server
  // is busy. An empty password is wrong, but no guess.
  Awaitable<absl::Status> Check(MemberInfo who, std::string hash, std::string password);

 private:
  // Returns whether it is right, as soon as `delay` has passed and it is the turn of `who`.
  Awaitable<absl::StatusOr<bool>> Verify(MemberInfo who, absl::Duration delay, std::string hash, std::string password);
  bool IsKnown(const MemberInfo& who) const;
  void MakeKnown(const MemberInfo& who);

  LiveRoomBase& room_;
  AttemptLimiter attempts_;
  // These are keys of sessions and users that have had the right password.
  absl::flat_hash_set<std::string> known_;
  const std::shared_ptr<Turns> turns_;
  int delayed_ = 0;
  bool hashing_ = false;
};

}  // namespace atrium
