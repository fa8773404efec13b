#include "server/http/http_service.h"

#include <openssl/sha.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/http/url.h"

namespace atrium {
namespace {

constexpr absl::string_view kPlainText = "text/plain; charset=utf-8";
// Scripts and styles come from here only; `ws:` and `wss:` are for browsers where 'self' does not cover WebSockets.
constexpr char kPagePolicy[] =
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";

std::string ETag(absl::string_view body) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest);
  return absl::StrCat("\"", absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), sizeof(digest))),
                      "\"");
}

// Lets pages of `origin` read the response (Fetch, "HTTP extensions: CORS protocol").
void Share(const std::string& origin, HttpResponse& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  response.headers.emplace_back("Vary", "Origin");
}

// Answers a browser that asks what pages of `origin` may send.
HttpResponse Preflight(const std::string& origin) {
  HttpResponse response{.status = 204};
  Share(origin, response);
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace

HttpResponse PlainText(int status, std::string body) {
  return {.status = status, .content_type = kPlainText, .body = std::move(body)};
}

absl::StatusOr<std::unique_ptr<HttpService>> HttpService::Create(HttpHandlers handlers) {
  ASSIGN_OR_RETURN(RestTranscoder transcoder,
                   RestTranscoder::Create(handlers.rpcs, handlers.streams, handlers.services));
  return std::unique_ptr<HttpService>(new HttpService(std::move(handlers), std::move(transcoder)));
}

HttpService::HttpService(HttpHandlers handlers, RestTranscoder transcoder)
    : handlers_(std::move(handlers)), transcoder_(std::move(transcoder)) {
  for (const Page& page : handlers_.pages) pages_.emplace(page.path, StoredPage{page, ETag(page.body)});
}

void HttpService::Handle(const HttpRequest& request, HttpDone done) const {
  if (request.origin.empty() || !handlers_.origins.share_answers()) return Answer(request, std::move(done));
  if (request.method == "OPTIONS" && !request.preflight_method.empty()) return done(Preflight(request.origin));
  Answer(request, [origin = request.origin, done = std::move(done)](HttpResponse response) mutable {
    Share(origin, response);
    done(std::move(response));
  });
}

void HttpService::Answer(const HttpRequest& request, HttpDone done) const {
  const auto [path, query] = SplitTarget(request.target);
  const auto page = pages_.find(path);
  const auto probe = handlers_.probes.find(path);
  // A handshake does not come here, so that this is another request to /ws.
  if (path == "/ws" && handlers_.upgrade != nullptr) return done(MethodNotAllowed(request.method, {"GET"}));
  if (page == pages_.end() && probe == handlers_.probes.end()) {
    return transcoder_.Handle(handlers_.who_sends, request, std::move(done));
  }
  if (request.method != "GET") return done(MethodNotAllowed(request.method, {"GET", "HEAD"}));
  if (page != pages_.end()) return done(ServePage(page->second, request));
  if (!DecodePercent(query)) {
    return done(ErrorResponse(
        MakeError(absl::StatusCode::kInvalidArgument, "INVALID_QUERY", "the query has a broken percent escape")));
  }
  probe->second(std::move(done));
}

HttpResponse HttpService::ServePage(const StoredPage& stored, const HttpRequest& request) const {
  HttpResponse response{.content_type = stored.page.content_type};
  const bool unchanging = absl::StartsWith(stored.page.path, "/assets/");
  response.headers.emplace_back("ETag", stored.etag);
  response.headers.emplace_back("Cache-Control", unchanging ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Content-Security-Policy", kPagePolicy);
  if (absl::StrContains(request.if_none_match, stored.etag)) {
    response.status = 304;
  } else {
    response.body = std::string(stored.page.body);
  }
  return response;
}

}  // namespace atrium
