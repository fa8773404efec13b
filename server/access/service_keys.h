#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/access/service_identity.h"
#include "server/access/sha256.h"

namespace atrium {

// The keys that trusted backends show, of which a file holds the hashes:
//
//   keys:
//     - id: shop                      # 1-64 letters, digits, underscores, dots, or hyphens
//       sha256: 64 hex digits         # of the secret, as `printf %s "$KEY" | sha256sum` prints it
//       scopes:
//         - methods: [Emit, "Get*"]   # names of methods, or their beginnings with a * behind
//           rooms: ["chat:*"]         # without it all rooms, and methods that are not about one room
//       expires: 2027-01-01T00:00:00Z # optional
//
// A secret is `atk_ID_` and 43 characters of base64url, which stand for 256 random bits: with those there is no need
// for a hash that is slow. Several keys may have one id, so that one can be replaced while the other still works. It is
// immutable.
class ServiceKeys {
 public:
  // INVALID_ARGUMENT naming the place and its rule. `methods` are those that there are.
  static absl::StatusOr<ServiceKeys> Parse(absl::string_view yaml, absl::Span<const absl::string_view> methods);

  // Whether it claims to be a secret of a service.
  static bool LooksLikeKey(absl::string_view text);

  // Returns who has shown `secret`. UNAUTHENTICATED with the reason MALFORMED, UNKNOWN_KEY (no key has its id),
  // BAD_SIGNATURE (those that have are others) or EXPIRED, and a message for the log, which does not repeat the secret.
  absl::StatusOr<std::shared_ptr<const ServiceIdentity>> Find(absl::string_view secret, absl::Time now) const;

  // Returns whose keys they are, one for each, in the order of the file.
  const std::vector<std::shared_ptr<const ServiceIdentity>>& identities() const { return identities_; }

 private:
  class Reader;
  struct Key {
    Sha256Digest digest{};
    std::shared_ptr<const ServiceIdentity> identity;
  };

  // By the id.
  absl::flat_hash_map<std::string, std::vector<Key>> keys_;
  // What is compared with a secret of an unknown id, so that it takes as long as with a known one. It is nobody's.
  std::vector<Key> decoys_ = std::vector<Key>(1);
  std::vector<std::shared_ptr<const ServiceIdentity>> identities_;
};

}  // namespace atrium
