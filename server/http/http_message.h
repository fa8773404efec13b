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
  // A path, and a query behind a question mark.
  std::string target;
  std::string content_type;
  std::string if_none_match;
  std::string accept;
  std::string last_event_id;
  std::string body;
};

// A body without an end of its own: what an observer is sent.
struct StreamedBody {
  ReaderKind kind;
  // Called once at most, on the shard of the connection.
  absl::AnyInvocable<std::shared_ptr<Observer>(int shard, Observer::Transport& transport)> start;
};

struct HttpResponse {
  int status = 200;
  absl::string_view content_type = "application/json";
  std::string body;
  // Further headers. Length, date and connection are the connection's.
  std::vector<std::pair<absl::string_view, std::string>> headers;
  // Instead of `body`; unless it ends with an error before its first frame, which is then the response.
  std::shared_ptr<StreamedBody> stream = nullptr;
};

// Called once, on any thread.
using HttpDone = absl::AnyInvocable<void(HttpResponse)>;

// The google.rpc.Status of `error` as bare JSON, with the HTTP status of its code or another one.
HttpResponse ErrorResponse(const absl::Status& error);
HttpResponse ErrorResponse(int http_status, const absl::Status& error);

// 405 with an Allow header.
HttpResponse MethodNotAllowed(const std::string& method, const std::vector<std::string>& allowed);

}  // namespace atrium
