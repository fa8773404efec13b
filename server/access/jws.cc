#include "server/access/jws.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/access/base64url.h"
#include "server/access/strict_json.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr int kMaxHeaderDepth = 4;

// These bring a key along, say where to get one, or change what is verified.
constexpr absl::string_view kRefusedMembers[] = {"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"};

absl::Status Malformed(absl::string_view detail) { return TokenError(TokenFault::kMalformed, detail); }

// The three parts of a token, decoded.
struct Parts {
  std::string header;
  std::string payload;
  std::string signature;
};

absl::StatusOr<Parts> Split(absl::string_view token) {
  const std::vector<absl::string_view> texts = absl::StrSplit(token, '.');
  if (texts.size() != 3) return Malformed("a token has three parts, with dots between them");
  Parts parts;
  const std::pair<absl::string_view, std::string*> named[] = {
      {"header", &parts.header}, {"payload", &parts.payload}, {"signature", &parts.signature}};
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto& [name, decoded] = named[i];
    if (texts[i].empty()) return Malformed(absl::StrCat(name, ": is empty"));
    std::optional<std::string> bytes = ReadBase64Url(texts[i]);
    if (!bytes) return Malformed(absl::StrCat(name, ": is not base64url without padding"));
    *decoded = *std::move(bytes);
  }
  return parts;
}

absl::StatusOr<std::optional<absl::string_view>> HeaderText(const json::object& header, absl::string_view name) {
  const json::value* const value = header.if_contains(FromView(name));
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return Malformed(absl::StrCat("header: ", name, " must be a string"));
  return ToView(value->get_string());
}

// Returns a media type as RFC 7515 section 4.1.9 has it compared.
std::string TypeName(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  return std::string(absl::StripPrefix(lower, "application/"));
}

absl::Status CheckKind(const json::object& header, const JwsKind& kind) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> type, HeaderText(header, "typ"));
  if (!type) return kind.type_optional ? absl::OkStatus() : Malformed("header: typ is missing");
  if (std::find(kind.types.begin(), kind.types.end(), TypeName(*type)) == kind.types.end()) {
    return Malformed(absl::StrCat("header: a token of typ \"", Excerpt(*type), "\" is not taken here"));
  }
  return absl::OkStatus();
}

absl::StatusOr<json::object> ReadHeader(absl::string_view text, const JwsKind& kind) {
  absl::StatusOr<json::object> header = ParseStrictObject(text, kMaxHeaderDepth);
  if (!header.ok()) return Malformed(absl::StrCat("header: ", header.status().message()));
  for (const absl::string_view name : kRefusedMembers) {
    if (header->contains(FromView(name))) return Malformed(absl::StrCat("header: ", name, " is not taken"));
  }
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> content, HeaderText(*header, "cty"));
  if (content && TypeName(*content) == "jwt") return Malformed("header: a token inside of a token is not taken");
  RETURN_IF_ERROR(CheckKind(*header, kind));
  return header;
}

// Returns the key that the token is to be verified with, which is for the algorithm that the header names.
absl::StatusOr<const VerificationKey*> FindKey(const json::object& header, const KeySet& keys) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> algorithm, HeaderText(header, "alg"));
  if (!algorithm) return Malformed("header: alg is missing");
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> kid, HeaderText(header, "kid"));
  const VerificationKey* const key = keys.Find(kid);
  if (key == nullptr) {
    return TokenError(TokenFault::kUnknownKey, kid ? absl::StrCat("there is no key \"", Excerpt(*kid), "\"")
                                                   : "header: kid is missing, and there are several keys");
  }
  if (*algorithm != key->algorithm()) {
    return TokenError(TokenFault::kAlgorithm, absl::StrCat("the token's key is for ", key->algorithm(), ", not for \"",
                                                           Excerpt(*algorithm), "\""));
  }
  return key;
}

}  // namespace

absl::StatusOr<std::string> VerifyJws(absl::string_view token, const KeySet& keys, const JwsKind& kind,
                                      size_t max_bytes) {
  if (token.size() > max_bytes) return Malformed(absl::StrCat("a token has at most ", max_bytes, " bytes"));
  ASSIGN_OR_RETURN(Parts parts, Split(token));
  ASSIGN_OR_RETURN(const json::object header, ReadHeader(parts.header, kind));
  ASSIGN_OR_RETURN(const VerificationKey* const key, FindKey(header, keys));
  // cjose would ignore what is beyond the length of some signatures.
  if (parts.signature.size() != key->signature_bytes() || !key->Verifies(token)) {
    return TokenError(TokenFault::kBadSignature, "the signature does not match");
  }
  return std::move(parts.payload);
}

}  // namespace atrium
