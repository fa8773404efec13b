#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"

namespace atrium {

// The refusals of rooms. Their texts are part of the API.

inline absl::Status RoomNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "ROOM_NOT_FOUND", absl::StrCat("Room '", id, "' not found"));
}
// `why` is the log's: its words, with paths of files in them, are for operators.
inline absl::Status RoomNotStored(const absl::Status& why) {
  const bool full = why.code() == absl::StatusCode::kResourceExhausted;
  const bool damaged = why.code() == absl::StatusCode::kDataLoss;
  return MakeError(why.code(), damaged ? "ROOM_DAMAGED" : "ROOM_NOT_STORED",
                   damaged ? "What is stored of the room is damaged"
                   : full  ? "The room cannot be stored: the server's disk is full or too slow"
                           : "The room cannot be stored or read now");
}
inline absl::Status RoomFull() { return MakeError(absl::StatusCode::kResourceExhausted, "ROOM_FULL", "Room is full"); }
// `text` as the hook gave it.
inline absl::Status JoinRejected(absl::string_view text) {
  return MakeError(absl::StatusCode::kPermissionDenied, "JOIN_REJECTED", text.empty() ? "Join rejected by room" : text);
}
inline absl::Status NotAMember() {
  return MakeError(absl::StatusCode::kPermissionDenied, "NOT_A_MEMBER", "Not a member of this room");
}
inline absl::Status HistoryLost() {
  return MakeError(absl::StatusCode::kOutOfRange, "HISTORY_LOST",
                   "What follows this position is not all kept any more, or it is of another epoch");
}
inline absl::Status MemberNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "MEMBER_NOT_FOUND",
                   absl::StrCat("'", id, "' is not a member of this room"));
}
inline absl::Status JoinPending() {
  return MakeError(absl::StatusCode::kAborted, "JOIN_PENDING", "A join of this room is still being decided");
}
inline absl::Status ServerSideJoinOnly() {
  return MakeError(absl::StatusCode::kPermissionDenied, "SERVER_SIDE_JOIN_ONLY",
                   "Room requires server-side join via component action");
}
inline absl::Status StateIsServerOnly() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STATE_SERVER_ONLY", "Room state is server-only");
}
inline absl::Status StateTooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_TOO_LARGE", "Room state exceeds maximum size limit");
}
inline absl::Status MetadataTooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "METADATA_TOO_LARGE", "Room metadata exceeds 4096 bytes");
}
inline absl::Status StateTooDeep() {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_TOO_DEEP", "Room state exceeds maximum nesting depth");
}
inline absl::Status StateChanged(uint64_t offset) {
  return MakeError(absl::StatusCode::kAborted, "STATE_CHANGED",
                   absl::StrCat("The state has changed since: its last patch has offset ", offset));
}
inline absl::Status RoomInitializationFailed() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "ROOM_INITIALIZATION_FAILED", "Room initialization failed");
}
inline absl::Status RoomLocked() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "ROOM_LOCKED", "Room is locked");
}
// `owner` is "room" or "component".
inline absl::Status HookOutOfTime(absl::string_view owner, absl::string_view hook) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "HOOK_OUT_OF_TIME",
                   absl::StrCat("The ", owner, "'s ", hook, " took too long"));
}
inline absl::Status HookFailed(absl::string_view owner, absl::string_view hook) {
  return MakeError(absl::StatusCode::kInternal, "HOOK_FAILED", absl::StrCat("The ", owner, "'s ", hook, " failed"));
}
inline absl::Status MethodIsServiceOnly(absl::string_view method) {
  return MakeError(absl::StatusCode::kPermissionDenied, "METHOD_SERVICE_ONLY",
                   absl::StrCat("Members may not call '", method, "'"));
}
inline absl::Status NoSuchMethod(absl::string_view type, absl::string_view method) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SUCH_METHOD",
                   absl::StrCat("Rooms of type '", type, "' have no method '", method, "'"));
}
inline absl::Status UntypedHasNoMethods() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SUCH_METHOD",
                   "A room without a type has no methods: the id of a typed one is `type:instance`");
}
inline absl::Status EventFromClientRefused(absl::string_view event) {
  return MakeError(absl::StatusCode::kPermissionDenied, "EVENT_NOT_ALLOWED",
                   absl::StrCat("Members may not emit '", event, "' into this room"));
}

}  // namespace atrium
