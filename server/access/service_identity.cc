#include "server/access/service_identity.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace atrium {
namespace {

bool Names(absl::string_view pattern, absl::string_view method) {
  return absl::ConsumeSuffix(&pattern, "*") ? absl::StartsWith(method, pattern) : method == pattern;
}

}  // namespace

bool ServiceScope::Allows(absl::string_view method, absl::string_view room_id, bool typed) const {
  const bool named =
      std::any_of(methods.begin(), methods.end(), [&](const std::string& pattern) { return Names(pattern, method); });
  if (!named || !rooms) return named;
  return !room_id.empty() && std::any_of(rooms->begin(), rooms->end(),
                                         [&](const RoomPattern& room) { return room.Matches(room_id, typed); });
}

bool ServiceIdentity::Allows(absl::string_view method, absl::string_view room_id, bool typed) const {
  return std::any_of(scopes.begin(), scopes.end(),
                     [&](const ServiceScope& scope) { return scope.Allows(method, room_id, typed); });
}

}  // namespace atrium
