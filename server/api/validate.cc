#include "server/api/validate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/wire/payload.h"

namespace atrium {

absl::Status ValidateEvent(absl::string_view field, absl::string_view name) {
  if (name.empty() || name.size() > 128) return InvalidField(field, "must have 1 to 128 bytes");
  if (name.front() == '$') return InvalidField(field, "must not start with '$', which marks the system's own events");
  return absl::OkStatus();
}

absl::Status ValidateLength(absl::string_view field, absl::string_view text, size_t max) {
  if (text.size() <= max) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", max, " bytes"));
}

absl::Status ValidateMemberIds(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  constexpr int kMax = 1000;
  if (ids.size() <= kMax) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", kMax, " entries"));
}

absl::StatusOr<json::object> ReadObject(absl::string_view field, const Payload& payload) {
  if (payload.empty()) return InvalidField(field, "is required");
  json::value value = payload.ToJsonValue();
  if (!value.is_object()) return InvalidField(field, "must be a JSON object");
  return std::move(value.get_object());
}

absl::StatusOr<json::object> ToJsonObject(absl::string_view field, const google::protobuf::Struct& value) {
  google::protobuf::Value whole;
  *whole.mutable_struct_value() = value;
  absl::StatusOr<json::value> json = FromProtoValue(whole);
  if (!json.ok()) return InvalidField(field, json.status().message());
  return std::move(json->get_object());
}

absl::StatusOr<size_t> PageSize(int32_t page_size) {
  if (page_size < 0) return InvalidField("pageSize", "must not be negative");
  return page_size == 0 ? 100 : std::min(page_size, 1000);
}

std::string PositionText(const v1::Position& position) {
  return absl::StrCat(position.epoch(), ":", position.offset());
}

absl::StatusOr<v1::Position> ReadPosition(absl::string_view field, absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint64_t offset = 0;
  // SimpleAtoi also takes white space, a plus sign and leading zeros.
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &offset) ||
      text.substr(colon + 1) != absl::StrCat(offset)) {
    return InvalidField(field, "must be a position, `epoch:offset`");
  }
  v1::Position position;
  position.set_epoch(std::string(text.substr(0, colon)));
  position.set_offset(offset);
  return position;
}

}  // namespace atrium
