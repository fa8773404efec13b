#include "server/http/loopback_names.h"

#include <boost/asio/ip/address.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

// `authority` is a host, and a colon and a port perhaps.
bool IsLoopback(absl::string_view authority) {
  if (absl::StartsWith(authority, "[")) {
    const size_t end = authority.find(']');
    authority = end == authority.npos ? absl::string_view() : authority.substr(1, end - 1);
  } else {
    authority = authority.substr(0, authority.find(':'));
  }
  absl::ConsumeSuffix(&authority, ".");
  const std::string host = absl::AsciiStrToLower(authority);
  if (host == "localhost" || absl::EndsWith(host, ".localhost")) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

bool IsLoopbackOrigin(absl::string_view origin) {
  return (absl::ConsumePrefix(&origin, "http://") || absl::ConsumePrefix(&origin, "https://")) && IsLoopback(origin);
}

absl::Status Refuse(absl::string_view reason, absl::string_view header, absl::string_view value) {
  return MakeError(
      absl::StatusCode::kPermissionDenied, reason,
      absl::StrCat(header, " '", Excerpt(value),
                   "': only this machine is served here, as localhost or 127.0.0.1, and to its own pages"));
}

}  // namespace

absl::Status RequireLoopbackNames(absl::string_view host, absl::string_view origin) {
  if (!host.empty() && !IsLoopback(host)) return Refuse("HOST_NOT_ALLOWED", "Host", host);
  if (!origin.empty() && !IsLoopbackOrigin(origin)) return Refuse("ORIGIN_NOT_ALLOWED", "Origin", origin);
  return absl::OkStatus();
}

}  // namespace atrium
