#include "server/live/authoring/room_password.h"

#include <sodium.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

// Bounds the memory of a room under attack to some hundred KiB.
constexpr size_t kMaxKeys = 4096;

absl::Status WrongPassword() {
  return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PASSWORD", "Wrong password");
}

absl::Status TooManyAttempts(absl::Duration wait) {
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)));
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_ATTEMPTS",
                   absl::StrCat("Too many attempts, try again in ", seconds, " s"));
}

std::string SessionKeyOf(const MemberInfo& who) { return absl::StrCat("session ", who.session); }
std::string UserKeyOf(const MemberInfo& who) { return absl::StrCat("user ", who.user_id); }

// Returns the address by which guesses are counted, or nothing if it is unknown. Whoever has one IPv6 address has its
// /64.
std::string AddressKeyOf(const MemberInfo& who) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(who.address, error);
  if (error) return "";
  if (address.is_v4()) return who.address;
  const auto bytes = address.to_v6().to_bytes();
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size() / 2});
}

// Returns whose turn it is among those whose passwords are hashed.
Share ShareOf(const MemberInfo& who) {
  const std::string address = AddressKeyOf(who);
  return {.address = address.empty() ? SessionKeyOf(who) : address, .session = who.session};
}

// Returns nothing if there is not enough memory.
std::string HashNow(const std::string& password) {
  char hash[crypto_pwhash_STRBYTES];
  const int failed = crypto_pwhash_str(hash, password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                       crypto_pwhash_MEMLIMIT_INTERACTIVE);
  return failed ? std::string() : std::string(hash);
}

}  // namespace

absl::Status StartPasswordHashing() {
  if (sodium_init() >= 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInternal, "SODIUM_FAILED", "libsodium cannot be started");
}

RoomPassword::RoomPassword(LiveRoomBase& room)
    : room_(room),
      attempts_(kAttempts, kWindow, kMaxKeys),
      turns_(std::make_shared<Turns>(kChecksPerSecond, kMostWaiting)) {}

absl::Status RoomPassword::Validate(absl::string_view field, absl::string_view password) {
  if (password.size() <= kMaxBytes) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", kMaxBytes, " bytes"));
}

Awaitable<absl::StatusOr<std::string>> RoomPassword::Hash(std::string password, std::optional<MemberInfo> who) {
  if (hashing_) {
    co_return MakeError(absl::StatusCode::kAborted, "PASSWORD_PENDING", "The password is being set, try again");
  }
  if (password.empty()) co_return std::string();
  hashing_ = true;
  const auto work = [password = std::move(password)] { return HashNow(password); };
  std::optional<Share> share;
  if (who) share = ShareOf(*who);
  absl::StatusOr<std::string> hash = co_await room_.Offload(work, share);
  hashing_ = false;
  if (hash.ok() && hash->empty()) co_return absl::ResourceExhaustedError("The server is out of memory, try again");
  co_return hash;
}

Awaitable<absl::Status> RoomPassword::Check(MemberInfo who, std::string hash, std::string password) {
  if (password.empty()) co_return WrongPassword();
  const SteadyTime now = room_.Steady();
  const std::string session = SessionKeyOf(who);
  const std::string address = AddressKeyOf(who);
  if (const absl::Duration wait = attempts_.Wait(session, now); wait > absl::ZeroDuration()) {
    co_return TooManyAttempts(wait);
  }
  absl::Duration delay = absl::ZeroDuration();
  if (!address.empty() && !IsKnown(who)) delay = std::min(attempts_.Wait(address, now), kAddressDelay);
  if (delay > absl::ZeroDuration() && delayed_ >= kMostDelayed) co_return TooManyAttempts(delay);

  // They count before the answer is known, so that nobody guesses faster by guessing at once.
  attempts_.Add(session, now);
  if (!address.empty()) attempts_.Add(address, now);
  const absl::StatusOr<bool> right = co_await Verify(who, delay, std::move(hash), std::move(password));
  if (right.ok() && !*right) co_return WrongPassword();
  attempts_.TakeBack(address, now);
  if (right.ok()) {
    attempts_.Forget(session);
    MakeKnown(who);
  } else {
    attempts_.TakeBack(session, now);
  }
  co_return right.status();
}

Awaitable<absl::StatusOr<bool>> RoomPassword::Verify(MemberInfo who, absl::Duration delay, std::string hash,
                                                     std::string password) {
  if (delay > absl::ZeroDuration()) {
    ++delayed_;
    co_await room_.Delay(delay);
    --delayed_;
  }
  const Share share = ShareOf(who);
  absl::Status turn = co_await room_.Turn(turns_, share);
  if (absl::IsResourceExhausted(turn)) co_return TooManyAttempts(absl::Seconds(1));
  if (!turn.ok()) co_return turn;
  const auto work = [hash = std::move(hash), password = std::move(password)] {
    return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  };
  absl::StatusOr<bool> right = co_await room_.Offload(work, share);
  co_return right;
}

bool RoomPassword::IsKnown(const MemberInfo& who) const {
  return known_.contains(SessionKeyOf(who)) || (!who.user_id.empty() && known_.contains(UserKeyOf(who)));
}

void RoomPassword::MakeKnown(const MemberInfo& who) {
  if (known_.size() >= kMaxKeys) known_.clear();
  known_.insert(SessionKeyOf(who));
  if (!who.user_id.empty()) known_.insert(UserKeyOf(who));
}

}  // namespace atrium
