#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"

namespace atrium {

inline absl::Status RoomNotOpen(absl::string_view id) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_ROOM_NOT_OPEN",
                   absl::StrCat("Room '", id, "' is not open in the log"));
}
inline absl::Status RoomAlreadyOpen(absl::string_view id) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_ROOM_OPEN",
                   absl::StrCat("Room '", id, "' is open in the log"));
}
inline absl::Status RoomHasFailed(absl::string_view id) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_ROOM_FAILED",
                   absl::StrCat("A write of room '", id, "' failed before this one"));
}
inline absl::Status WrongSequence(absl::string_view id, uint64_t sequence, uint64_t expected) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_WRONG_SEQUENCE",
                   absl::StrCat("Room '", id, "' goes on with record ", expected, ", not ", sequence));
}
inline absl::Status LogQueueFull() {
  return MakeError(absl::StatusCode::kResourceExhausted, "LOG_BUSY", "Too much waits to be written to disk");
}
// `why` is in the words of the system or of RocksDB.
inline absl::Status LogUnavailable(absl::string_view directory, absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, "LOG_UNAVAILABLE",
                   absl::StrCat("data directory ", directory, " cannot be written or read: ", why));
}
inline absl::Status LogDiskFull(absl::string_view directory, absl::string_view why) {
  return MakeError(absl::StatusCode::kResourceExhausted, "LOG_DISK_FULL",
                   absl::StrCat("the disk of data directory ", directory, " is full: ", why));
}
inline absl::Status LogDamaged(absl::string_view directory, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "LOG_DAMAGED",
                   absl::StrCat("data directory ", directory, " is damaged: ", what,
                                "; restore it from a backup, or move it away to start empty"));
}
inline absl::Status RoomDamaged(absl::string_view id, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "LOG_ROOM_DAMAGED",
                   absl::StrCat("What is stored of room '", id, "' is damaged: ", what));
}
inline absl::Status DirectoryInUse(absl::string_view directory) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_DIRECTORY_IN_USE",
                   absl::StrCat("data directory ", directory, " is in use by another atriumd"));
}
inline absl::Status DirectoryFromNewerVersion(absl::string_view directory, int64_t format, int64_t known) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LOG_NEWER_FORMAT",
                   absl::StrCat("data directory ", directory, " was written by a newer version of atriumd (format ",
                                format, ", this one knows ", known, "): run that version, or use another directory"));
}

}  // namespace atrium
