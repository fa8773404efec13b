#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/client_identity.h"
#include "server/wire/json.h"

namespace atrium {

// These read parts of a token whose signature is good. Errors are TokenErrors, kInvalidClaim unless said otherwise,
// that name the claim.

absl::Status InvalidClaim(absl::string_view claim, absl::string_view rule);

absl::StatusOr<json::object> ParseClaims(absl::string_view payload);

// Returns nothing if the claim is absent.
absl::StatusOr<std::optional<absl::string_view>> TextClaim(const json::object& claims, absl::string_view name);
// The same for one that names something: of 1 to 128 bytes, without control characters.
absl::StatusOr<std::optional<std::string>> NameClaim(const json::object& claims, absl::string_view name);
absl::StatusOr<std::optional<int64_t>> IntegerClaim(const json::object& claims, absl::string_view name, int64_t min,
                                                    int64_t max);
// `field` names the claim in errors.
absl::StatusOr<std::optional<std::vector<std::string>>> TextListClaim(const json::object& claims,
                                                                      absl::string_view name, absl::string_view field);

// Returns what the claim `rooms` grants.
absl::StatusOr<std::vector<Grant>> GrantsClaim(const json::object& claims);

}  // namespace atrium
