#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Every error of Atrium is an absl::Status with a reason (UPPER_SNAKE, for google.rpc.ErrorInfo) and, where a
// field of the request is at fault, the field's path. Each transport turns that into its own form; the
// factories of a domain stand beside it (live/room_errors.h).

// An error with a reason. `message` is shown to the caller.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// INVALID_ARGUMENT, reason INVALID_FIELD: `field` (proto3 JSON path, such as `emit.roomId`) breaks `rule`.
// The message is "<field>: <rule>".
absl::Status InvalidField(absl::string_view field, absl::string_view rule);

// The same with a message that is told as it is.
absl::Status InvalidFieldWithText(absl::string_view field, absl::string_view reason, absl::string_view message);

// The reason of `status`: as given to MakeError, else the name of its code.
std::string ErrorReason(const absl::Status& status);

// Whether that was given.
bool HasReason(const absl::Status& status);

// The field at fault; empty if none was named.
std::string ErrorField(const absl::Status& status);

// `status` with `prefix` and a dot before the field that it names, if it names one; in the message too, where
// InvalidField put it there.
absl::Status PrefixField(absl::string_view prefix, const absl::Status& status);

}  // namespace atrium
