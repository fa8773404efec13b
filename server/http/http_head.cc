#include "server/http/http_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace atrium {

std::string StatusLine(int status) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return absl::StrCat("HTTP/1.1 ", status, " ", absl::string_view(reason.data(), reason.size()), "\r\n");
}

void AppendHeader(std::string& head, absl::string_view name, absl::string_view value) {
  absl::StrAppend(&head, name, ": ", value, "\r\n");
}

std::string ResponseHead(const HttpResponse& response, HttpBody body, absl::Duration idle_timeout) {
  const bool has_length = body == HttpBody::kKeepAlive || body == HttpBody::kLast;
  std::string head = StatusLine(response.status);
  AppendHeader(head, "Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()));
  if (response.status != 304 && response.status != 204) {
    AppendHeader(head, "Content-Type", response.content_type);
    if (has_length) AppendHeader(head, "Content-Length", absl::StrCat(response.body.size()));
  }
  if (body == HttpBody::kChunked) AppendHeader(head, "Transfer-Encoding", "chunked");
  AppendHeader(head, "X-Content-Type-Options", "nosniff");
  // HTTP/1.0 clients must be told of both. Who names a protocol to upgrade to says so here too (RFC 9110 section 7.8).
  const bool upgrades = std::any_of(response.headers.begin(), response.headers.end(),
                                    [](const auto& header) { return header.first == "Upgrade"; });
  AppendHeader(head, "Connection",
               absl::StrCat(body == HttpBody::kKeepAlive ? "keep-alive" : "close", upgrades ? ", Upgrade" : ""));
  const int64_t seconds = absl::ToInt64Seconds(idle_timeout);
  if (body == HttpBody::kKeepAlive && seconds > 0) AppendHeader(head, "Keep-Alive", absl::StrCat("timeout=", seconds));
  for (const auto& [name, value] : response.headers) AppendHeader(head, name, value);
  return head += "\r\n";
}

}  // namespace atrium
