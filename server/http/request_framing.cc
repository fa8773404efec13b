#include "server/http/request_framing.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/http/url.h"

namespace atrium {
namespace {

using boost::beast::http::field;
using boost::beast::http::verb;

constexpr absl::string_view kChunked = "chunked";
constexpr std::array<absl::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};

absl::Status Malformed(absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_HTTP", absl::StrCat("not an HTTP/1.1 request: ", why));
}

// The first of the fields `name`; empty if there is none.
absl::string_view Value(const RequestHeader& header, field name) {
  const boost::beast::string_view value = header[name];
  return {value.data(), value.size()};
}

bool IsNumber(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
}

// An IPv6 address in brackets: RFC 3986 section 3.2.2.
bool IsIpLiteral(absl::string_view name) {
  if (name.size() < 2 || name.back() != ']' || absl::StrContains(name, '%')) return false;
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(std::string(name.substr(1, name.size() - 2)), error);
  return !error;
}

// Returns whether it is a registered name of RFC 3986 section 3.2.2 that is not empty, because no http URI may have an
// empty one (RFC 9110 section 4.2.1), and has no commas: proxies that join fields of one name make `a,b` of two Hosts.
// An escape stands for no character of ASCII that may not be there as it is: who decodes `a%2Fb` too early sees a path.
bool IsRegisteredName(absl::string_view name) {
  const auto may_be_there = [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::string_view("-._~!$&'()*+;=").find(c) != absl::string_view::npos;
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), [&](char c) { return c == '%' || may_be_there(c); })) {
    return false;
  }
  const std::optional<std::string> decoded = DecodePercent(name);
  return decoded && std::all_of(decoded->begin(), decoded->end(),
                                [&](unsigned char c) { return !absl::ascii_isascii(c) || may_be_there(c); });
}

// A host, and a port behind a colon.
bool IsHost(absl::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
  const absl::string_view name = host.substr(0, colon);
  if (colon != host.npos && !IsNumber(host.substr(colon + 1))) return false;
  return absl::StartsWith(name, "[") ? IsIpLiteral(name) : IsRegisteredName(name);
}

absl::Status CheckHost(const RequestHeader& header) {
  const size_t count = header.count(field::host);
  if (count == 0 && header.version() < 11) return absl::OkStatus();
  if (count == 0) return Malformed("Host is missing");
  if (count > 1) return Malformed("Host is given twice");
  return IsHost(Value(header, field::host)) ? absl::OkStatus() : Malformed("Host must be a host and a port");
}

absl::Status CheckTarget(const RequestHeader& header) {
  if (header.method() == verb::connect) {
    return MakeError(absl::StatusCode::kUnimplemented, "METHOD_NOT_IMPLEMENTED", "there are no tunnels through here");
  }
  const boost::beast::string_view target = header.target();
  if (header.method() == verb::options && target == "*") return absl::OkStatus();
  if (!PathAndQuery({target.data(), target.size()})) return Malformed("the target must be a path or an http URL");
  return absl::OkStatus();
}

absl::Status CheckContentLength(const RequestHeader& header) {
  if (header.count(field::content_length) > 1) return Malformed("Content-Length is given twice");
  if (!IsNumber(Value(header, field::content_length))) return Malformed("Content-Length must be a number");
  return absl::OkStatus();
}

bool HasUnknownCoding(absl::string_view codings) {
  const std::vector<absl::string_view> list = absl::StrSplit(codings, ',', absl::SkipWhitespace());
  return std::any_of(list.begin(), list.end(), [](absl::string_view coding) {
    const absl::string_view name = absl::StripAsciiWhitespace(coding.substr(0, coding.find(';')));
    return !absl::EqualsIgnoreCase(name, kChunked);
  });
}

absl::Status CheckTransferEncoding(const RequestHeader& header) {
  const size_t count = header.count(field::transfer_encoding);
  if (count == 0) return absl::OkStatus();
  if (header.version() < 11) return Malformed("HTTP/1.0 has no Transfer-Encoding");
  if (count > 1) return Malformed("Transfer-Encoding is given twice");
  if (header.count(field::content_length) > 0) return Malformed("Content-Length is given beside Transfer-Encoding");
  const absl::string_view codings = Value(header, field::transfer_encoding);
  if (absl::EqualsIgnoreCase(codings, kChunked)) return absl::OkStatus();
  if (HasUnknownCoding(codings)) {
    return MakeError(absl::StatusCode::kUnimplemented, "UNKNOWN_TRANSFER_CODING",
                     "the only transfer coding that is known here is chunked");
  }
  return Malformed("Transfer-Encoding must be chunked, once");
}

}  // namespace

size_t EmptyLines(absl::string_view read) {
  constexpr int kMost = 8;
  const size_t before = read.size();
  for (int lines = 0; lines < kMost && absl::ConsumePrefix(&read, "\r\n");) ++lines;
  return before - read.size();
}

bool NamesOtherVersion(absl::string_view read) {
  const std::vector<absl::string_view> line = absl::StrSplit(read.substr(0, read.find('\r')), ' ');
  if (line.size() != 3) return false;
  absl::string_view version = line[2];
  return absl::ConsumePrefix(&version, "HTTP/") && version.size() == 3 && IsNumber(version.substr(0, 1)) &&
         version[1] == '.' && IsNumber(version.substr(2)) && version != "1.0" && version != "1.1";
}

std::optional<absl::string_view> PathAndQuery(absl::string_view target) {
  if (absl::StrContains(target, '#')) return std::nullopt;
  if (absl::StartsWith(target, "/")) return target;
  const absl::string_view scheme = target.substr(0, target.find(':'));
  const auto is_scheme = [scheme](absl::string_view known) { return absl::EqualsIgnoreCase(scheme, known); };
  if (std::none_of(kSchemes.begin(), kSchemes.end(), is_scheme)) return std::nullopt;
  absl::string_view rest = target.substr(scheme.size());
  if (!absl::ConsumePrefix(&rest, "://")) return std::nullopt;
  const size_t authority_size = std::min(rest.find_first_of("/?"), rest.size());
  if (!IsHost(rest.substr(0, authority_size))) return std::nullopt;
  return rest.substr(authority_size);
}

absl::Status CheckFraming(absl::string_view head, const RequestHeader& header) {
  if (absl::StrContains(head, "\r\n ") || absl::StrContains(head, "\r\n\t")) {
    return Malformed("a field goes on in a further line");
  }
  RETURN_IF_ERROR(CheckHost(header));
  RETURN_IF_ERROR(CheckTarget(header));
  RETURN_IF_ERROR(CheckTransferEncoding(header));
  return CheckContentLength(header);
}

}  // namespace atrium
