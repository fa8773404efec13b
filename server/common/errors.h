#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace atrium {

// Every error of Atrium is an absl::Status with a reason (UPPER_SNAKE, for google.rpc.ErrorInfo) and, where a
// field of the request is at fault, the field's path. Each transport turns that into its own form; the
// factories of a domain stand beside it (live/rooms/room_errors.h).

// What comes from outside may be of any length and hold anything, and an error goes out in HTTP/2 trailers, of which a
// gRPC client takes 8 KiB. Names that a caller gave are therefore repeated as an Excerpt, and a message, whoever wrote
// it, has at most kMaxMessageBytes: in all its forms together (percent-encoded, and twice in base64 as details) that is
// less than 4 KiB.
inline constexpr size_t kMaxExcerptBytes = 128;
inline constexpr size_t kMaxMessageBytes = 512;

// Returns `text` up to a character's border at `most` bytes, with an ellipsis where something is left out. What is not
// UTF-8, or is a control character (which would forge a line of a log), becomes U+FFFD.
std::string Excerpt(absl::string_view text, size_t most = kMaxExcerptBytes);

// Returns an error with a reason. `message` is shown to the caller.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// What an error says beside its reason, for programs: it becomes the metadata of google.rpc.ErrorInfo. A name is
// lowerCamelCase or snake_case, and a value is repeated as an Excerpt.
using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;
absl::Status WithMetadata(absl::Status error, const ErrorMetadata& metadata);
// Returns it in its order; empty if there is none.
ErrorMetadata MetadataOf(const absl::Status& status);

// Says when the request may be repeated (google.rpc.RetryInfo).
absl::Status WithRetryDelay(absl::Status error, absl::Duration delay);
// Returns zero if that was not said.
absl::Duration RetryDelayOf(const absl::Status& status);

// Returns INVALID_ARGUMENT, reason INVALID_FIELD, which says that `field` (proto3 JSON path, such as `emit.roomId`)
// breaks `rule`. The message is "<field>: <rule>".
absl::Status InvalidField(absl::string_view field, absl::string_view rule);

// Returns the same with that reason and a message that is told as it is.
absl::Status InvalidFieldWithText(absl::string_view field, absl::string_view reason, absl::string_view message);

// Returns the reason of `status`: that given to MakeError, else the name of its code.
std::string ErrorReason(const absl::Status& status);

// Returns whether MakeError was given one.
bool HasReason(const absl::Status& status);

// Returns the field at fault; empty if none was named.
std::string ErrorField(const absl::Status& status);

// Returns `status` with `prefix` and a dot before the field that it names, if it names one; in the message too, where
// InvalidField put it there.
absl::Status PrefixField(absl::string_view prefix, const absl::Status& status);

}  // namespace atrium
