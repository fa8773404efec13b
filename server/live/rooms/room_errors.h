#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"
#include "server/live/authoring/room_id.h"
#include "server/wire/patch.h"

namespace atrium {

// The refusals of rooms. Their texts are part of the API.

inline absl::Status RoomNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "ROOM_NOT_FOUND", absl::StrCat("Room '", Excerpt(id), "' not found"));
}
inline absl::Status RoomDestroyed(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "ROOM_DESTROYED", absl::StrCat("Room '", id, "' was destroyed"));
}
// `why` comes from the log. Its words are not passed on, because they hold paths of files and are for operators.
inline absl::Status RoomNotStored(const absl::Status& why) {
  const bool full = why.code() == absl::StatusCode::kResourceExhausted;
  const bool damaged = why.code() == absl::StatusCode::kDataLoss;
  return MakeError(why.code(), damaged ? "ROOM_DAMAGED" : "ROOM_NOT_STORED",
                   damaged ? "What is stored of the room is damaged"
                   : full  ? "The room cannot be stored: the server's disk is full or too slow"
                           : "The room cannot be stored or read now");
}
inline absl::Status RoomFull() { return MakeError(absl::StatusCode::kResourceExhausted, "ROOM_FULL", "Room is full"); }
// `text` is what the hook gave.
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
                   absl::StrCat("'", Excerpt(id), "' is not a member of this room"));
}
inline absl::Status ServerSideJoinOnly() {
  return MakeError(absl::StatusCode::kPermissionDenied, "SERVER_SIDE_JOIN_ONLY",
                   "Room requires server-side join via component action");
}
inline absl::Status StateIsServerOnly() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STATE_SERVER_ONLY", "Room state is server-only");
}
// In the errors of states, `owner` is "Room" or "Component".
inline absl::Status StateTooLarge(absl::string_view owner = "Room") {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_TOO_LARGE",
                   absl::StrCat(owner, " state exceeds maximum size limit"));
}
inline absl::Status StateTooLargeAsProto(absl::string_view owner = "Room") {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_TOO_LARGE",
                   absl::StrCat(owner, " state exceeds ", kMaxProtoBytes, " bytes as a google.protobuf.Value"));
}
inline absl::Status StateTooDeep(absl::string_view owner = "Room") {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_TOO_DEEP",
                   absl::StrCat(owner, " state exceeds maximum nesting depth"));
}
inline absl::Status StateChangeTooLarge(absl::string_view owner) {
  return MakeError(absl::StatusCode::kResourceExhausted, "STATE_CHANGE_TOO_LARGE",
                   absl::StrCat(owner, " state may change by at most ", kMaxChangeOperations, " operations and ",
                                kMaxChangeValues, " values at once"));
}
inline absl::Status EventTooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "EVENT_TOO_LARGE",
                   "The data of an event may have 1048576 bytes as JSON and 3145728 as a google.protobuf.Value");
}
inline absl::Status ResultTooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "RESULT_TOO_LARGE",
                   "A result may have 1048576 bytes as JSON and 3145728 as a google.protobuf.Value");
}
inline absl::Status MetadataTooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "METADATA_TOO_LARGE", "Room metadata exceeds 4096 bytes");
}
inline absl::Status StateChanged(uint64_t offset) {
  return MakeError(absl::StatusCode::kAborted, "STATE_CHANGED",
                   absl::StrCat("The state has changed since: its last patch has offset ", offset));
}
// The caller has seen another room of this id, or none; this one is at `position`, written `epoch:offset`.
inline absl::Status OffsetNotReached(uint64_t offset, absl::string_view position) {
  return MakeError(absl::StatusCode::kAborted, "STATE_CHANGED",
                   absl::StrCat("The room has not come to offset ", offset, ": it is at ", position));
}
inline absl::Status RoomInitializationFailed() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "ROOM_INITIALIZATION_FAILED", "Room initialization failed");
}
inline absl::Status LeftBeforeItsJoin() {
  return MakeError(absl::StatusCode::kCancelled, "LEFT_MEANWHILE", "The member left before its join was decided");
}
inline absl::Status LeftBeforeItsEvent() {
  return MakeError(absl::StatusCode::kCancelled, "LEFT_MEANWHILE", "The member left before its event was delivered");
}
inline absl::Status TooManyEventsWait() {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_EVENTS",
                   "Too many events of this member wait to be delivered: try again");
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
                   absl::StrCat("Members may not call '", Excerpt(method), "'"));
}
inline absl::Status NoSuchMethod(absl::string_view type, absl::string_view method) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SUCH_METHOD",
                   absl::StrCat("Rooms of type '", type, "' have no method '", Excerpt(method), "'"));
}
// An id with a colon is a typed room's only if a type of that name is registered. `types`: the names of those that are,
// for services; which there are is not told to clients.
inline absl::Status UntypedHasNoMethods(absl::string_view room_id, absl::string_view types = {}) {
  const absl::string_view prefix = TypePrefix(room_id);
  std::string text = absl::StrCat("Room '", Excerpt(room_id), "' is untyped and has no methods: ");
  if (prefix.empty()) {
    absl::StrAppend(&text, "the id of a typed room is `type:instance`");
  } else {
    absl::StrAppend(&text, "no type '", prefix, "' is registered");
  }
  if (!types.empty()) absl::StrAppend(&text, "; registered types: ", types);
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SUCH_METHOD", text);
}
inline absl::Status EventFromClientRefused(absl::string_view event) {
  return MakeError(absl::StatusCode::kPermissionDenied, "EVENT_NOT_ALLOWED",
                   absl::StrCat("Members may not emit '", Excerpt(event), "' into this room"));
}

}  // namespace atrium
