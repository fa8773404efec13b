#include "server/access/client_identity.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace atrium {
namespace {

// In the order of GrantVerb.
constexpr std::array<absl::string_view, kGrantVerbs> kVerbNames = {"join",  "emit",    "set_state", "call",
                                                                   "watch", "history", "members"};

size_t SharedLength(absl::string_view a, absl::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

absl::string_view GrantVerbName(GrantVerb verb) { return kVerbNames[static_cast<size_t>(verb)]; }

std::optional<GrantVerb> FindGrantVerb(absl::string_view name) {
  const auto* const found = std::find(kVerbNames.begin(), kVerbNames.end(), name);
  if (found == kVerbNames.end()) return std::nullopt;
  return static_cast<GrantVerb>(found - kVerbNames.begin());
}

bool Grant::Allows(GrantVerb verb, absl::string_view method) const {
  if (!Has(verb)) return false;
  return verb != GrantVerb::kCall || !methods || std::find(methods->begin(), methods->end(), method) != methods->end();
}

bool ClientIdentity::Allows(GrantVerb verb, absl::string_view room_id, bool typed, absl::string_view method) const {
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    return grant.Allows(verb, method) && grant.room.Matches(room_id, typed);
  });
}

bool ClientIdentity::MayMount(absl::string_view component) const {
  return std::find(components.begin(), components.end(), component) != components.end();
}

absl::string_view ClientIdentity::NearestGrant(absl::string_view room_id, bool typed) const {
  const Grant* nearest = nullptr;
  size_t shared_most = 0;
  for (const Grant& grant : grants) {
    if (grant.room.Matches(room_id, typed)) return grant.room.text();
    const size_t shared = SharedLength(grant.room.text(), room_id);
    if (nearest == nullptr || shared > shared_most) {
      nearest = &grant;
      shared_most = shared;
    }
  }
  return nearest == nullptr ? absl::string_view() : nearest->room.text();
}

}  // namespace atrium
