#include "server/common/errors.h"

#include <algorithm>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/common/utf8.h"

namespace atrium {
namespace {

constexpr char kReasonUrl[] = "atrium/reason";
constexpr char kFieldUrl[] = "atrium/field";
constexpr char kRuleUrl[] = "atrium/rule";
constexpr char kMetadataUrl[] = "atrium/metadata";
constexpr char kRetryUrl[] = "atrium/retry";
// An Excerpt has no control characters.
constexpr char kSeparator = '\0';

std::string PayloadText(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload ? std::string(*payload) : std::string();
}

bool IsControl(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }

}  // namespace

std::string Excerpt(absl::string_view text, size_t most) {
  constexpr absl::string_view kReplacement = "\xef\xbf\xbd";
  constexpr absl::string_view kEllipsis = "\xe2\x80\xa6";
  if (text.size() <= most && IsUtf8(text) && std::none_of(text.begin(), text.end(), IsControl)) {
    return std::string(text);
  }
  std::string out;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const bool shown = length > 0 && !IsControl(text.front());
    const absl::string_view character = shown ? text.substr(0, length) : kReplacement;
    if (out.size() + character.size() > most) return absl::StrCat(out, kEllipsis);
    absl::StrAppend(&out, character);
    text.remove_prefix(shown ? length : 1);
  }
  return out;
}

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message) {
  absl::Status status(code, Excerpt(message, kMaxMessageBytes));
  status.SetPayload(kReasonUrl, absl::Cord(Excerpt(reason)));
  return status;
}

absl::Status WithMetadata(absl::Status error, const ErrorMetadata& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata) {
    absl::StrAppend(&text, name, absl::string_view(&kSeparator, 1), Excerpt(value), absl::string_view(&kSeparator, 1));
  }
  error.SetPayload(kMetadataUrl, absl::Cord(text));
  return error;
}

ErrorMetadata MetadataOf(const absl::Status& status) {
  ErrorMetadata metadata;
  const std::vector<std::string> parts = absl::StrSplit(PayloadText(status, kMetadataUrl), kSeparator);
  for (size_t i = 0; i + 1 < parts.size(); i += 2) metadata.emplace_back(parts[i], parts[i + 1]);
  return metadata;
}

absl::Status WithRetryDelay(absl::Status error, absl::Duration delay) {
  error.SetPayload(kRetryUrl, absl::Cord(absl::FormatDuration(delay)));
  return error;
}

absl::Duration RetryDelayOf(const absl::Status& status) {
  absl::Duration delay;
  return absl::ParseDuration(PayloadText(status, kRetryUrl), &delay) ? delay : absl::ZeroDuration();
}

absl::Status InvalidField(absl::string_view field, absl::string_view rule) {
  absl::Status status = InvalidFieldWithText(field, "INVALID_FIELD", absl::StrCat(Excerpt(field), ": ", rule));
  status.SetPayload(kRuleUrl, absl::Cord(rule));
  return status;
}

absl::Status InvalidFieldWithText(absl::string_view field, absl::string_view reason, absl::string_view message) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, reason, message);
  status.SetPayload(kFieldUrl, absl::Cord(Excerpt(field)));
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
