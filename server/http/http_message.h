#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/session/observer.h"

namespace atrium {

// A request, as far as the handlers look at it. HEAD comes as GET: the connection leaves the body out.
struct HttpRequest {
  std::string method;
  // This is a path, and a query behind a question mark; or `*`, with the method OPTIONS only.
  std::string target;
  std::string content_type;
  // This is the coding of the body as it came. What the handlers get is unpacked.
  std::string content_encoding;
  std::string if_none_match;
  std::string accept;
  std::string last_event_id;
  // This is empty if the request comes from no page.
  std::string origin;
  // This is the method of the request that a browser asks about, which is Access-Control-Request-Method.
  std::string preflight_method;
  // These are the headers Authorization and X-Api-Key, with commas between several of one name.
  std::string authorization;
  std::string api_key;
  std::string body;
};

// A body without an end of its own, which is what an observer is sent.
struct StreamedBody {
  ReaderKind kind;
  // This is called once at most, on the shard of the connection.
  absl::AnyInvocable<std::shared_ptr<Observer>(int shard, Observer::Transport& transport)> start;
};

struct HttpResponse {
  int status = 200;
  absl::string_view content_type = "application/json";
  std::string body;
  // These are further headers; the connection adds length, date and itself.
  std::vector<std::pair<absl::string_view, std::string>> headers;
  // If this is set, it goes instead of `body`, unless it ends with an error before its first frame, which is then the
  // response.
  std::shared_ptr<StreamedBody> stream = nullptr;
};

// It is called once, on any thread.
using HttpDone = absl::AnyInvocable<void(HttpResponse)>;

// Return the google.rpc.Status of `error` as bare JSON, with the HTTP status of its code or another one.
HttpResponse ErrorResponse(const absl::Status& error);
HttpResponse ErrorResponse(int http_status, const absl::Status& error);

// Returns 405 with an Allow header.
HttpResponse MethodNotAllowed(const std::string& method, const std::vector<std::string>& allowed);

}  // namespace atrium
