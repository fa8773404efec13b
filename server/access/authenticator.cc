#include "server/access/authenticator.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr absl::string_view kInvalid = "The token or key is not valid";

std::shared_ptr<const ClientIdentity> Anonymous(const std::vector<RoomPattern>& rooms) {
  if (rooms.empty()) return nullptr;
  auto anybody = std::make_shared<ClientIdentity>();
  anybody->expires = absl::InfiniteFuture();
  for (const RoomPattern& room : rooms) anybody->grants.push_back({.room = room, .can = (1 << kGrantVerbs) - 1});
  return anybody;
}

// Returns the error that tells what is wrong with a token whose signature was right.
absl::Status Invalid(TokenFault fault, absl::string_view detail) {
  return WithMetadata(
      MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID", absl::StrCat(kInvalid, ": ", detail)),
      {{"fault", std::string(TokenFaultName(fault))}});
}

}  // namespace

absl::Status CredentialExpired() { return Invalid(TokenFault::kExpired, "it has expired"); }

Authenticator::Authenticator(Settings settings, Log& log)
    : settings_(std::move(settings)), log_(log), anonymous_(Anonymous(settings_.anonymous)) {}

void Authenticator::SetServiceKeys(ServiceKeys keys) {
  auto shared = std::make_shared<const ServiceKeys>(std::move(keys));
  MutexLock lock(mutex_);
  service_keys_ = std::move(shared);
  has_service_keys_ = true;
}

void Authenticator::SetClientKeys(KeySet keys) {
  auto shared = std::make_shared<const KeySet>(std::move(keys));
  MutexLock lock(mutex_);
  client_keys_ = std::move(shared);
  has_client_keys_ = true;
}

absl::StatusOr<Authenticator::Found> Authenticator::Identify(const Credentials& credentials, absl::Time now) const {
  if (asks_nobody()) return Found();
  const auto& [authorization, api_key] = credentials;
  if (!authorization.empty() && !api_key.empty()) {
    return Deny(TokenError(TokenFault::kMalformed, "there are both an authorization and an x-api-key"));
  }
  if (!api_key.empty()) return IdentifyService(api_key, now);
  if (authorization.empty()) {
    if (settings_.dev) return Found();
    if (anonymous_ != nullptr) return Found{.client = anonymous_};
    return DenyMissing();
  }
  const absl::string_view token = BearerToken(authorization);
  if (token.empty()) return Deny(TokenError(TokenFault::kMalformed, "authorization: must be Bearer and a token"));
  // Neither keys nor tokens have one.
  if (absl::StrContains(token, ',')) return Deny(TokenError(TokenFault::kMalformed, "authorization: is there twice"));
  if (ServiceKeys::LooksLikeKey(token)) return IdentifyService(token, now);
  ASSIGN_OR_RETURN(std::shared_ptr<const ClientIdentity> client, IdentifyClient(token, now));
  return Found{.client = std::move(client)};
}

absl::StatusOr<Authenticator::Found> Authenticator::IdentifyService(absl::string_view secret, absl::Time now) const {
  std::shared_ptr<const ServiceKeys> keys;
  {
    MutexLock lock(mutex_);
    keys = service_keys_;
  }
  if (keys == nullptr) return Deny(TokenError(TokenFault::kUnknownKey, "there are no --service-keys"));
  absl::StatusOr<std::shared_ptr<const ServiceIdentity>> service = keys->Find(secret, now);
  if (!service.ok()) return Deny(service.status());
  return Found{.service = *std::move(service)};
}

absl::StatusOr<std::shared_ptr<const ClientIdentity>> Authenticator::IdentifyClient(absl::string_view token,
                                                                                    absl::Time now) const {
  if (token.empty()) {
    if (settings_.dev) return nullptr;
    if (anonymous_ != nullptr) return anonymous_;
    return DenyMissing();
  }
  std::shared_ptr<const KeySet> keys;
  {
    MutexLock lock(mutex_);
    keys = client_keys_;
  }
  if (keys == nullptr) return Deny(TokenError(TokenFault::kUnknownKey, "there is no --client-jwks"));
  absl::StatusOr<std::shared_ptr<const ClientIdentity>> client = ReadClientToken(token, *keys, settings_.tokens, now);
  if (!client.ok()) return Deny(client.status());
  return client;
}

absl::Status Authenticator::Deny(const absl::Status& why) const {
  const TokenFault fault = FaultOf(why).value_or(TokenFault::kMalformed);
  Count(static_cast<int>(fault), TokenFaultName(fault), why.message());
  if (SignatureWasChecked(fault) && fault != TokenFault::kBadSignature) return Invalid(fault, why.message());
  return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID", kInvalid);
}

bool SaysExpired(const absl::Status& error) {
  const ErrorMetadata metadata = MetadataOf(error);
  return !metadata.empty() && metadata.front().second == TokenFaultName(TokenFault::kExpired);
}

absl::Status Authenticator::DenyMissing() const {
  Count(kTokenFaults, "missing", "nothing was shown");
  return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING", "A token or key is required");
}

void Authenticator::Count(int fault, absl::string_view name, absl::string_view detail) const {
  Failure& failure = failures_[fault];
  const int64_t count = failure.count.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!failure.pace.IsDue()) return;
  log_.Warning("somebody was not authenticated", {{"reason", name}, {"detail", Excerpt(detail)}, {"so far", count}});
}

}  // namespace atrium
