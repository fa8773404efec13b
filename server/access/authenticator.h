#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/client_identity.h"
#include "server/access/client_tokens.h"
#include "server/access/credentials.h"
#include "server/access/key_set.h"
#include "server/access/room_pattern.h"
#include "server/access/service_identity.h"
#include "server/access/service_keys.h"
#include "server/access/token_fault.h"
#include "server/common/log.h"
#include "server/common/log_pace.h"
#include "server/common/mutex.h"

namespace atrium {

// Finds out who somebody is by what they show: a service by its key, a client by its token. Errors are UNAUTHENTICATED,
// reason TOKEN_MISSING or TOKEN_INVALID; what was wrong is told to the caller only once the signature has been found
// right, and else to the log and the metrics. It is thread-safe.
class Authenticator {
 public:
  struct Settings {
    // Whether one who shows nothing may do everything.
    bool dev = false;
    TokenRules tokens;
    // Clients that show nothing may do in these rooms whatever a grant can be for.
    std::vector<RoomPattern> anonymous;
  };

  // Who has been found: one of them; or neither, which stands for one who may do everything.
  struct Found {
    std::shared_ptr<const ServiceIdentity> service;
    std::shared_ptr<const ClientIdentity> client;
  };

  // `log` must outlive it.
  Authenticator(Settings settings, Log& log);

  // From now on these count. There are none in the beginning.
  void SetServiceKeys(ServiceKeys keys);
  void SetClientKeys(KeySet keys);

  // Whether everybody may do everything, whatever they show: with --dev and without keys to compare it with.
  bool asks_nobody() const {
    return settings_.dev && !has_service_keys_.load(std::memory_order_relaxed) &&
           !has_client_keys_.load(std::memory_order_relaxed);
  }
  // With --dev and without keys for clients the token of a hello is the user's id, unverified.
  bool takes_names_for_tokens() const { return settings_.dev && !has_client_keys_.load(std::memory_order_relaxed); }
  absl::Duration leeway() const { return settings_.tokens.leeway; }
  size_t max_token_bytes() const { return settings_.tokens.max_bytes; }

  // Returns who sends a request.
  absl::StatusOr<Found> Identify(const Credentials& credentials, absl::Time now) const;

  // Returns the client that begins or goes on with a session by this token, which is empty if it has shown none. Null
  // stands for one that may do everything.
  absl::StatusOr<std::shared_ptr<const ClientIdentity>> IdentifyClient(absl::string_view token, absl::Time now) const;

  // Returns how often somebody was turned away for this reason; the last one, kTokenFaults, is that nothing was shown.
  int64_t failures(int fault) const { return failures_[fault].count.load(std::memory_order_relaxed); }

 private:
  struct Failure {
    std::atomic<int64_t> count{0};
    LogPace pace;
  };

  absl::StatusOr<Found> IdentifyService(absl::string_view secret, absl::Time now) const;
  // Counts and logs why somebody is turned away, and returns what is told of it.
  absl::Status Deny(const absl::Status& why) const;
  absl::Status DenyMissing() const;
  void Count(int fault, absl::string_view name, absl::string_view detail) const;

  const Settings settings_;
  Log& log_;
  // This is null if none may come without a token.
  const std::shared_ptr<const ClientIdentity> anonymous_;
  std::atomic<bool> has_service_keys_{false};
  std::atomic<bool> has_client_keys_{false};
  mutable Mutex mutex_;
  std::shared_ptr<const ServiceKeys> service_keys_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const KeySet> client_keys_ ABSL_GUARDED_BY(mutex_);
  mutable std::array<Failure, kTokenFaults + 1> failures_;
};

// Returns the error of one whose token or key was good until now.
absl::Status CredentialExpired();

// Whether an error of Authenticator says that the token was good once.
bool SaysExpired(const absl::Status& error);

}  // namespace atrium
