#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/room_pattern.h"
#include "server/wire/json.h"

namespace atrium {

// What a grant can be for.
enum class GrantVerb { kJoin, kEmit, kSetState, kCall, kWatch, kHistory, kMembers };
inline constexpr int kGrantVerbs = 7;

// Returns its name in tokens and errors, such as `set_state`.
absl::string_view GrantVerbName(GrantVerb verb);
// Returns nothing if no verb has the name.
std::optional<GrantVerb> FindGrantVerb(absl::string_view name);

// An element of a token's claim `rooms`. It is immutable.
struct Grant {
  RoomPattern room;
  // It has a bit for each verb, `1 << verb`.
  uint8_t can = 0;
  // Of kCall it allows these methods; without it all that are for members.
  std::optional<std::vector<std::string>> methods;

  bool Has(GrantVerb verb) const { return (can >> static_cast<int>(verb) & 1) != 0; }
  // Whether it is for the verb, and the method if that is kCall. It does not look at the room.
  bool Allows(GrantVerb verb, absl::string_view method) const;
};

// A client that has shown a token. It is immutable, and whoever holds a reference shares it.
struct ClientIdentity {
  // These are the claims `sub`, `iss` and `jti`; the last is empty if there was none.
  std::string subject;
  std::string issuer;
  std::string token_id;
  // These are the claims `iat` and `exp`.
  absl::Time issued;
  absl::Time expires;
  // This is the claim `info`, which members of rooms show to each other.
  json::object info;
  std::vector<Grant> grants;
  // It may mount these components.
  std::vector<std::string> components;
  std::optional<int> max_connections;

  // Whether a grant allows the verb in the room. `method` is that of a call.
  bool Allows(GrantVerb verb, absl::string_view room_id, bool typed, absl::string_view method = {}) const;
  bool MayMount(absl::string_view component) const;
  // Returns the pattern of the grant that comes nearest to allowing that, for the error that refuses it: one for the
  // room, else the one that shares the longest beginning with it. It is empty if there is no grant.
  absl::string_view NearestGrant(absl::string_view room_id, bool typed) const;
};

}  // namespace atrium
