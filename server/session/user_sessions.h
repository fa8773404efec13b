#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/client_identity.h"
#include "server/common/mutex.h"
#include "server/common/refusals.h"

namespace atrium {

// Counts the sessions of each user, on all shards, and lets no user have too many. It is thread-safe.
class UserSessions {
 public:
  // A user may have `most` (0: any number). `refusals` must outlive it.
  UserSessions(int most, Refusals& refusals) : most_(most), refusals_(refusals) {}

  // A session of a user is there while its place is.
  class Place {
   public:
    Place(UserSessions& sessions, std::string user) : sessions_(sessions), user_(std::move(user)) {}
    ~Place() { sessions_.Leave(user_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    UserSessions& sessions_;
    const std::string user_;
  };

  // Returns a place for one more session of the user; RESOURCE_EXHAUSTED, reason LIMIT, if that has as many as it may,
  // by its token too.
  absl::StatusOr<std::unique_ptr<const Place>> Enter(const ClientIdentity& user);

 private:
  // Users are spread over these, so that logins on different shards seldom wait for each other.
  struct Part {
    Mutex mutex;
    absl::flat_hash_map<std::string, int> sessions ABSL_GUARDED_BY(mutex);
  };

  Part& PartOf(absl::string_view user);
  void Leave(const std::string& user);

  const int most_;
  Refusals& refusals_;
  std::array<Part, 16> parts_;
};

}  // namespace atrium
