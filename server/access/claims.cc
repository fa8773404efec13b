#include "server/access/claims.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/access/strict_json.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

// Ours nest five deep. Issuers put others beside them.
constexpr int kMaxClaimsDepth = 16;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxGrants = 100;
constexpr absl::string_view kGrantMembers[] = {"room", "can", "methods"};

const json::value* FindClaim(const json::object& claims, absl::string_view name) {
  return claims.if_contains(FromView(name));
}

bool IsControl(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }

absl::StatusOr<uint8_t> ReadVerbs(const std::string& field, const json::object& grant) {
  ASSIGN_OR_RETURN(const auto names, TextListClaim(grant, "can", field));
  if (!names) return InvalidClaim(field, "is missing");
  uint8_t can = 0;
  for (size_t i = 0; i < names->size(); ++i) {
    const std::optional<GrantVerb> verb = FindGrantVerb((*names)[i]);
    if (!verb) return InvalidClaim(absl::StrCat(field, "[", i, "]"), "must be the name of something to allow");
    can |= static_cast<uint8_t>(1 << static_cast<int>(*verb));
  }
  return can;
}

absl::StatusOr<Grant> ReadGrant(const std::string& field, const json::value& value) {
  const json::object* const grant = value.if_object();
  if (grant == nullptr) return InvalidClaim(field, "must be an object");
  // A restriction that is not understood must not widen what is granted.
  for (const auto& [key, unused] : *grant) {
    if (std::find(std::begin(kGrantMembers), std::end(kGrantMembers), ToView(key)) == std::end(kGrantMembers)) {
      return InvalidClaim(absl::StrCat(field, ".", Excerpt(ToView(key))), "is unknown");
    }
  }
  const json::value* const room = FindClaim(*grant, "room");
  if (room == nullptr || !room->is_string()) return InvalidClaim(field + ".room", "must be a string");
  absl::StatusOr<RoomPattern> pattern = RoomPattern::Parse(field + ".room", ToView(room->get_string()));
  if (!pattern.ok()) return TokenError(TokenFault::kInvalidClaim, pattern.status().message());
  ASSIGN_OR_RETURN(const uint8_t can, ReadVerbs(field + ".can", *grant));
  ASSIGN_OR_RETURN(auto methods, TextListClaim(*grant, "methods", field + ".methods"));
  return Grant{*std::move(pattern), can, std::move(methods)};
}

}  // namespace

absl::Status InvalidClaim(absl::string_view claim, absl::string_view rule) {
  return TokenError(TokenFault::kInvalidClaim, absl::StrCat(claim, ": ", rule));
}

absl::StatusOr<json::object> ParseClaims(absl::string_view payload) {
  absl::StatusOr<json::object> claims = ParseStrictObject(payload, kMaxClaimsDepth);
  if (!claims.ok()) return InvalidClaim("payload", claims.status().message());
  return claims;
}

absl::StatusOr<std::optional<absl::string_view>> TextClaim(const json::object& claims, absl::string_view name) {
  const json::value* const value = FindClaim(claims, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return InvalidClaim(name, "must be a string");
  return ToView(value->get_string());
}

absl::StatusOr<std::optional<std::string>> NameClaim(const json::object& claims, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> text, TextClaim(claims, name));
  if (!text) return std::nullopt;
  if (text->empty() || text->size() > kMaxNameBytes) {
    return InvalidClaim(name, absl::StrCat("must have 1 to ", kMaxNameBytes, " bytes"));
  }
  if (std::any_of(text->begin(), text->end(), IsControl)) return InvalidClaim(name, "has a control character");
  return std::string(*text);
}

absl::StatusOr<std::optional<int64_t>> IntegerClaim(const json::object& claims, absl::string_view name, int64_t min,
                                                    int64_t max) {
  const json::value* const value = FindClaim(claims, name);
  if (value == nullptr) return std::nullopt;
  // Whole numbers of at most 2^53 are read as integers, however they are written.
  const int64_t* const integer = value->if_int64();
  if (integer == nullptr || *integer < min || *integer > max) {
    return InvalidClaim(name, absl::StrCat("must be a whole number from ", min, " to ", max));
  }
  return *integer;
}

absl::StatusOr<std::optional<std::vector<std::string>>> TextListClaim(const json::object& claims,
                                                                      absl::string_view name, absl::string_view field) {
  const json::value* const value = FindClaim(claims, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) return InvalidClaim(field, "must be a list of strings");
  std::vector<std::string> texts;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return InvalidClaim(absl::StrCat(field, "[", texts.size(), "]"), "must be a string");
    texts.emplace_back(ToView(element.get_string()));
  }
  return texts;
}

absl::StatusOr<std::vector<Grant>> GrantsClaim(const json::object& claims) {
  std::vector<Grant> grants;
  const json::value* const rooms = FindClaim(claims, "rooms");
  if (rooms == nullptr) return grants;
  if (!rooms->is_array()) return InvalidClaim("rooms", "must be a list");
  if (rooms->get_array().size() > kMaxGrants) {
    return InvalidClaim("rooms", absl::StrCat("may have ", kMaxGrants, " elements, not more"));
  }
  for (const json::value& element : rooms->get_array()) {
    ASSIGN_OR_RETURN(Grant grant, ReadGrant(absl::StrCat("rooms[", grants.size(), "]"), element));
    grants.push_back(std::move(grant));
  }
  return grants;
}

}  // namespace atrium
