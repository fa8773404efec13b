#include "server/http/parsed_request.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/http/url.h"

namespace atrium {
namespace {

namespace http = boost::beast::http;

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Returns the values of all fields `name`, with commas between.
template <typename Name>
std::string Combined(const RequestHeader& header, Name name) {
  std::string combined;
  const auto [first, last] = header.equal_range(name);
  for (auto it = first; it != last; ++it) {
    absl::StrAppend(&combined, combined.empty() ? "" : ",", View(it->value()));
  }
  return combined;
}

// Returns the target without scheme and authority, which it has in requests to proxies only.
std::string OriginForm(absl::string_view target) {
  const std::optional<absl::string_view> found = PathAndQuery(target);
  // CheckFraming lets nothing else by.
  if (!found) return "*";
  return absl::StrCat(absl::StartsWith(*found, "/") ? "" : "/", *found);
}

}  // namespace

HttpRequest ToHttpRequest(const RequestHeader& header) {
  return {.method = header.method() == http::verb::head ? "GET" : std::string(header.method_string()),
          .target = OriginForm(View(header.target())),
          .content_type = std::string(header[http::field::content_type]),
          .content_encoding = Combined(header, http::field::content_encoding),
          .if_none_match = std::string(header[http::field::if_none_match]),
          .accept = Combined(header, http::field::accept),
          .last_event_id = std::string(header["Last-Event-ID"]),
          .origin = Combined(header, http::field::origin),
          .preflight_method = std::string(header[http::field::access_control_request_method]),
          .authorization = Combined(header, http::field::authorization),
          .api_key = Combined(header, "X-Api-Key")};
}

absl::Status CheckNames(const RequestHeader& header, const HttpHandlers& handlers) {
  return handlers.origins.Check(Combined(header, http::field::host), Combined(header, http::field::origin));
}

bool IsWebSocketTarget(const RequestHeader& header, const HttpHandlers& handlers) {
  if (handlers.upgrade == nullptr || header.method() != http::verb::get) return false;
  const std::optional<absl::string_view> found = PathAndQuery(View(header.target()));
  return found && SplitTarget(*found).first == "/ws";
}

std::variant<WebSocketAnswer, HttpResponse> AnswerUpgrade(const RequestHeader& header, bool has_body,
                                                          const HttpHandlers& handlers) {
  const std::string upgrade = Combined(header, http::field::upgrade);
  const std::string connection = Combined(header, http::field::connection);
  const std::string version = Combined(header, http::field::sec_websocket_version);
  const std::string key = Combined(header, http::field::sec_websocket_key);
  const std::string subprotocols = Combined(header, http::field::sec_websocket_protocol);
  const std::string extensions = Combined(header, http::field::sec_websocket_extensions);
  const std::string authorization = Combined(header, http::field::authorization);
  if (header.version() < 11) return AnswerWebSocketOffer({});
  auto answer = AnswerWebSocketOffer({.upgrade = upgrade,
                                      .connection = connection,
                                      .version = version,
                                      .key = key,
                                      .subprotocols = subprotocols,
                                      .extensions = extensions,
                                      .authorization = authorization,
                                      .has_body = has_body,
                                      .may_deflate = handlers.may_deflate});
  if (std::holds_alternative<HttpResponse>(answer)) return answer;
  if (const absl::Status verdict = handlers.may_upgrade(); !verdict.ok()) {
    HttpResponse refusal = ErrorResponse(503, verdict);
    refusal.headers.emplace_back("Retry-After", "5");
    return refusal;
  }
  return answer;
}

std::optional<HttpResponse> ReadErrorResponse(boost::beast::error_code error, absl::string_view read,
                                              size_t max_body_bytes) {
  const boost::beast::error_code ended = http::error::end_of_stream;
  if (error == ended || error.category() != ended.category()) return std::nullopt;
  if (error == http::error::body_limit) return BodyTooLarge(max_body_bytes);
  if (error == http::error::header_limit) {
    return ErrorResponse(
        431, MakeError(absl::StatusCode::kResourceExhausted, "HEADERS_TOO_LARGE", "the headers are too large"));
  }
  // The parser takes 1.0 and 1.1 only, so that a later minor version of 1 cannot be read as 1.1.
  if (error == http::error::bad_version && NamesOtherVersion(read)) {
    return ErrorResponse(505, MakeError(absl::StatusCode::kUnimplemented, "HTTP_VERSION_NOT_SUPPORTED",
                                        "the versions of HTTP that are spoken here are 1.1 and 1.0"));
  }
  return ErrorResponse(MakeError(absl::StatusCode::kInvalidArgument, "INVALID_HTTP",
                                 absl::StrCat("not an HTTP/1.1 request: ", error.message())));
}

HttpResponse BodyTooLarge(size_t max_body_bytes) {
  return ErrorResponse(413, MakeError(absl::StatusCode::kResourceExhausted, "BODY_TOO_LARGE",
                                      absl::StrCat("the body is larger than ", max_body_bytes, " bytes")));
}

}  // namespace atrium
