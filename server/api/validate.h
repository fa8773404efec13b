#pragma once

#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// The rules of request fields. Each returns INVALID_ARGUMENT naming `field` and the rule that is broken.

// 1 to 128 bytes, not starting with `$`, which marks the system's own.
absl::Status ValidateEvent(absl::string_view field, absl::string_view name);

// At most `max` bytes.
absl::Status ValidateLength(absl::string_view field, absl::string_view text, size_t max);

// At most 1000 member ids.
absl::Status ValidateMemberIds(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids);

// The object that a request's payload must be.
absl::StatusOr<json::object> ReadObject(absl::string_view field, const Payload& payload);
// A Struct as JSON.
absl::StatusOr<json::object> ToJsonObject(absl::string_view field, const google::protobuf::Struct& value);

// AIP-158: 0 means 100; at most 1000, to which more is reduced; not negative.
absl::StatusOr<size_t> PageSize(int32_t page_size);

// AIP-158: a token names the last id of its page and is opaque to callers.
std::string MakePageToken(absl::string_view last_id);
absl::StatusOr<std::string> ReadPageToken(const std::string& token);

// `epoch:offset`, as server-sent events name a position.
std::string PositionText(const v1::Position& position);
absl::StatusOr<v1::Position> ReadPosition(absl::string_view field, absl::string_view text);

}  // namespace atrium
