#include "server/http/content_coding.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/common/errors.h"
#include "server/http/parsed_request.h"
#include "server/wire/deflate.h"

namespace atrium {
namespace {

HttpResponse UnsupportedCoding() {
  HttpResponse response =
      ErrorResponse(415, MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_CONTENT_ENCODING",
                                   "the content encoding of the body must be gzip, or none"));
  // This tells the client that the coding is refused, and not the Content-Type (RFC 9110 section 15.5.16).
  response.headers.emplace_back("Accept-Encoding", "gzip");
  return response;
}

}  // namespace

std::optional<HttpResponse> DecodeContent(HttpRequest& request, size_t max_body_bytes) {
  const absl::string_view coding = absl::StripAsciiWhitespace(request.content_encoding);
  if (request.body.empty() || coding.empty() || absl::EqualsIgnoreCase(coding, "identity")) return std::nullopt;
  if (!absl::EqualsIgnoreCase(coding, "gzip") && !absl::EqualsIgnoreCase(coding, "x-gzip")) return UnsupportedCoding();
  const size_t most = max_body_bytes > 0 ? max_body_bytes : std::numeric_limits<size_t>::max();
  absl::StatusOr<std::string> body = Gunzip(request.body, most);
  if (body.ok()) {
    request.body = *std::move(body);
    return std::nullopt;
  }
  return body.status().code() == absl::StatusCode::kResourceExhausted ? BodyTooLarge(max_body_bytes)
                                                                      : ErrorResponse(body.status());
}

}  // namespace atrium
