#include "server/common/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace atrium {
namespace {

constexpr char kReasonUrl[] = "atrium/reason";
constexpr char kFieldUrl[] = "atrium/field";
constexpr char kRuleUrl[] = "atrium/rule";

std::string PayloadText(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message) {
  absl::Status status(code, message);
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view rule) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", absl::StrCat(field, ": ", rule));
  status.SetPayload(kFieldUrl, absl::Cord(field));
  status.SetPayload(kRuleUrl, absl::Cord(rule));
  return status;
}

absl::Status InvalidFieldWithText(absl::string_view field, absl::string_view reason, absl::string_view message) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, reason, message);
  status.SetPayload(kFieldUrl, absl::Cord(field));
  return status;
}

std::string ErrorReason(const absl::Status& status) {
  std::string reason = PayloadText(status, kReasonUrl);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

bool HasReason(const absl::Status& status) { return status.GetPayload(kReasonUrl).has_value(); }

std::string ErrorField(const absl::Status& status) { return PayloadText(status, kFieldUrl); }

absl::Status PrefixField(absl::string_view prefix, const absl::Status& status) {
  const std::string field = ErrorField(status);
  if (field.empty()) return status;
  const std::string prefixed = absl::StrCat(prefix, ".", field);
  const std::string rule = PayloadText(status, kRuleUrl);
  if (rule.empty()) return InvalidFieldWithText(prefixed, ErrorReason(status), status.message());
  return InvalidField(prefixed, rule);
}

}  // namespace atrium
