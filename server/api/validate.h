#pragma once

#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// The rules of request fields. Each returns INVALID_ARGUMENT naming `field` and the rule that is broken. They are
// thread-safe.

// A name has 1 to 128 bytes and does not start with `$`, which marks the system's own.
absl::Status ValidateEvent(absl::string_view field, absl::string_view name);

// A text has at most `max` bytes.
absl::Status ValidateLength(absl::string_view field, absl::string_view text, size_t max);

// There are at most 1000 member ids.
absl::Status ValidateMemberIds(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids);

// Returns the object that a request's payload must be.
absl::StatusOr<json::object> ReadObject(absl::string_view field, const Payload& payload);
// Returns a Struct as JSON.
absl::StatusOr<json::object> ToJsonObject(absl::string_view field, const google::protobuf::Struct& value);

// Returns how many elements a page has (AIP-158): 100 if `page_size` is 0, and 1000 if it is more. INVALID_ARGUMENT if
// it is negative.
absl::StatusOr<size_t> PageSize(int32_t page_size);

// A position is written `epoch:offset`, as server-sent events name it.
std::string PositionText(const v1::Position& position);
absl::StatusOr<v1::Position> ReadPosition(absl::string_view field, absl::string_view text);

}  // namespace atrium
