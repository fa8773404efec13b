#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/access/authenticator.h"
#include "server/api/caller.h"

namespace atrium {

// Returns who sends a request, as the authenticator has found it, with its errors.
inline absl::StatusOr<Caller> CallerBy(const Authenticator& authenticator, const Credentials& credentials,
                                       absl::Time now) {
  absl::StatusOr<Authenticator::Found> found = authenticator.Identify(credentials, now);
  if (!found.ok()) return found.status();
  if (found->client != nullptr) return Caller::User(std::move(found->client));
  return Caller::Service(std::move(found->service));
}

}  // namespace atrium
