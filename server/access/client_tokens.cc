#include "server/access/client_tokens.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/access/claims.h"
#include "server/access/jws.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

// The second of these is that of access tokens of OAuth 2.0 (RFC 9068).
constexpr absl::string_view kTypes[] = {"jwt", "at+jwt"};
// This is the end of the year 9999, behind which there is no RFC 3339.
constexpr int64_t kLastSecond = 253'402'300'799;
constexpr size_t kMaxInfoBytes = 2048;
constexpr int kMaxInfoDepth = 4;
constexpr int64_t kMaxConnections = 1000;

std::string TimeText(absl::Time time) { return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()); }

absl::StatusOr<std::string> ReadIssuer(const json::object& claims, const TokenRules& rules) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> issuer, TextClaim(claims, "iss"));
  if (!rules.issuer.empty() && issuer != rules.issuer) {
    return TokenError(TokenFault::kWrongIssuer, absl::StrCat("iss: must be \"", Excerpt(rules.issuer), "\""));
  }
  return std::string(issuer.value_or(""));
}

absl::Status CheckAudience(const json::object& claims, const TokenRules& rules) {
  const json::value* const audience = claims.if_contains("aud");
  std::vector<std::string> audiences;
  if (audience != nullptr && audience->is_string()) {
    audiences.emplace_back(ToView(audience->get_string()));
  } else {
    ASSIGN_OR_RETURN(auto list, TextListClaim(claims, "aud", "aud"));
    if (list) audiences = *std::move(list);
  }
  if (std::find(audiences.begin(), audiences.end(), rules.audience) == audiences.end()) {
    return TokenError(TokenFault::kWrongAudience,
                      absl::StrCat("aud: must be, or hold, \"", Excerpt(rules.audience), "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<absl::Time>> TimeClaim(const json::object& claims, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::optional<int64_t> seconds, IntegerClaim(claims, name, 0, kLastSecond));
  return seconds ? std::optional(absl::FromUnixSeconds(*seconds)) : std::nullopt;
}

absl::Status ReadTimes(const json::object& claims, const TokenRules& rules, absl::Time now, ClientIdentity& identity) {
  ASSIGN_OR_RETURN(const std::optional<absl::Time> issued, TimeClaim(claims, "iat"));
  ASSIGN_OR_RETURN(const std::optional<absl::Time> expires, TimeClaim(claims, "exp"));
  ASSIGN_OR_RETURN(const std::optional<absl::Time> not_before, TimeClaim(claims, "nbf"));
  if (!issued) return InvalidClaim("iat", "is missing");
  if (!expires) return InvalidClaim("exp", "is missing");
  if (*expires <= *issued) return InvalidClaim("exp", "must be later than iat");
  if (*expires - *issued > rules.max_ttl) {
    return InvalidClaim("exp", absl::StrCat("must be at most ", absl::FormatDuration(rules.max_ttl), " after iat"));
  }
  if (now > *expires + rules.leeway) {
    return TokenError(TokenFault::kExpired, absl::StrCat("exp: the token expired at ", TimeText(*expires)));
  }
  const absl::Time valid_from = std::max(*issued, not_before.value_or(absl::InfinitePast()));
  if (valid_from > now + rules.leeway) {
    return TokenError(TokenFault::kNotYetValid,
                      absl::StrCat(valid_from == *issued ? "iat" : "nbf", ": the token is valid from ",
                                   TimeText(valid_from), " on, and here it is ", TimeText(now)));
  }
  identity.issued = *issued;
  identity.expires = *expires;
  return absl::OkStatus();
}

absl::StatusOr<json::object> ReadInfo(const json::object& claims) {
  const json::value* const info = claims.if_contains("info");
  if (info == nullptr) return json::object();
  if (!info->is_object()) return InvalidClaim("info", "must be an object");
  if (NestsDeeper(*info, kMaxInfoDepth)) {
    return InvalidClaim("info", absl::StrCat("nests too deep (max ", kMaxInfoDepth, ")"));
  }
  if (JsonSize(*info) > kMaxInfoBytes) {
    return InvalidClaim("info", absl::StrCat("must have at most ", kMaxInfoBytes, " bytes"));
  }
  return info->get_object();
}

absl::Status ReadRights(const json::object& claims, ClientIdentity& identity) {
  ASSIGN_OR_RETURN(identity.grants, GrantsClaim(claims));
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> components,
                   TextListClaim(claims, "components", "components"));
  if (components) identity.components = *std::move(components);
  ASSIGN_OR_RETURN(const std::optional<int64_t> connections,
                   IntegerClaim(claims, "max_connections", 1, kMaxConnections));
  if (connections) identity.max_connections = static_cast<int>(*connections);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ClientIdentity>> ReadClientToken(absl::string_view token, const KeySet& keys,
                                                                      const TokenRules& rules, absl::Time now) {
  const JwsKind kind{.types = kTypes, .type_optional = true};
  ASSIGN_OR_RETURN(const std::string payload, VerifyJws(token, keys, kind, rules.max_bytes));
  ASSIGN_OR_RETURN(const json::object claims, ParseClaims(payload));
  const auto identity = std::make_shared<ClientIdentity>();
  ASSIGN_OR_RETURN(identity->issuer, ReadIssuer(claims, rules));
  RETURN_IF_ERROR(CheckAudience(claims, rules));
  RETURN_IF_ERROR(ReadTimes(claims, rules, now, *identity));
  ASSIGN_OR_RETURN(std::optional<std::string> subject, NameClaim(claims, "sub"));
  if (!subject) return InvalidClaim("sub", "is missing");
  identity->subject = *std::move(subject);
  ASSIGN_OR_RETURN(const std::optional<std::string> token_id, NameClaim(claims, "jti"));
  identity->token_id = token_id.value_or("");
  ASSIGN_OR_RETURN(identity->info, ReadInfo(claims));
  RETURN_IF_ERROR(ReadRights(claims, *identity));
  return identity;
}

}  // namespace atrium
