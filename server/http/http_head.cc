#include "server/http/http_head.h"

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

std::string ResponseHead(const HttpResponse& response, HttpBody body) {
  const bool has_length = body == HttpBody::kKeepAlive || body == HttpBody::kLast;
  std::string head = StatusLine(response.status);
  AppendHeader(head, "Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()));
  if (response.status != 304) {
    AppendHeader(head, "Content-Type", response.content_type);
    if (has_length) AppendHeader(head, "Content-Length", absl::StrCat(response.body.size()));
  }
  if (body == HttpBody::kChunked) AppendHeader(head, "Transfer-Encoding", "chunked");
  AppendHeader(head, "X-Content-Type-Options", "nosniff");
  // HTTP/1.0 clients must be told of both.
  AppendHeader(head, "Connection", body == HttpBody::kKeepAlive ? "keep-alive" : "close");
  for (const auto& [name, value] : response.headers) AppendHeader(head, name, value);
  return head += "\r\n";
}

}  // namespace atrium
