#include "server/live/room_password.h"

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

// Whoever has one IPv6 address has its /64. Empty if it is unknown.
std::string AddressKeyOf(const MemberInfo& who) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(who.address, error);
  if (error) return "";
  if (address.is_v4()) return who.address;
  const auto bytes = address.to_v6().to_bytes();
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size() / 2});
}

// Empty if there is not enough memory.
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

RoomPassword::RoomPassword(LiveRoomBase& room) : room_(room), attempts_(kAttempts, kWindow, kMaxKeys) {}

absl::Status RoomPassword::Validate(absl::string_view field, absl::string_view password) {
  if (password.size() <= kMaxBytes) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", kMaxBytes, " bytes"));
}

Awaitable<absl::StatusOr<std::string>> RoomPassword::Hash(std::string password) {
  if (hashing_) {
    co_return MakeError(absl::StatusCode::kAborted, "PASSWORD_PENDING", "The password is being set, try again");
  }
  if (password.empty()) co_return std::string();
  hashing_ = true;
  const auto work = [password = std::move(password)] { return HashNow(password); };
  absl::StatusOr<std::string> hash = co_await room_.Offload(work);
  hashing_ = false;
  if (hash.ok() && hash->empty()) co_return absl::ResourceExhaustedError("The server is out of memory, try again");
  co_return hash;
}

Awaitable<absl::Status> RoomPassword::Check(MemberInfo who, std::string hash, std::string password) {
  if (password.empty()) co_return WrongPassword();
  const absl::Time now = room_.Now();
  const std::string session = SessionKeyOf(who);
  const std::string address = AddressKeyOf(who);
  absl::Duration wait = attempts_.Wait(session, now);
  if (!address.empty()) wait = std::max(wait, attempts_.Wait(address, now));
  if (wait > absl::ZeroDuration()) co_return TooManyAttempts(wait);

  // Before the answer is known, so that nobody guesses faster by guessing at once.
  attempts_.Add(session, now);
  if (!address.empty()) attempts_.Add(address, now);
  const auto work = [hash = std::move(hash), password = std::move(password)] {
    return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  };
  const absl::StatusOr<bool> right = co_await room_.Offload(work);
  if (right.ok() && !*right) co_return WrongPassword();
  attempts_.TakeBack(address, now);
  if (right.ok()) {
    attempts_.Forget(session);
  } else {
    attempts_.TakeBack(session, now);
  }
  co_return right.status();
}

}  // namespace atrium
