#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/access/credentials.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/http/http_message.h"
#include "server/http/rest_router.h"
#include "server/session/stream_table.h"

namespace atrium {

// Returns who sends a request, or UNAUTHENTICATED.
using WhoSends = absl::AnyInvocable<absl::StatusOr<Caller>(const Credentials&) const>;

// Serves methods as REST, by their `google.api.http` annotations: a new method needs no code here.
//
// Path variables, query parameters (`since.offset` for a field of a field) and the JSON body fill the request; the
// response is JSON with its zeros printed. Errors are a bare google.rpc.Status: 400 names an unknown or mistyped field.
// A method that streams answers with server-sent events where those are accepted, else with a line of JSON for each
// frame; a Last-Event-ID, or `lastEventId` in the query, is the `since` of its request. It is thread-safe.
class RestTranscoder {
 public:
  // The tables must outlive it and have each annotated method (else INTERNAL).
  static absl::StatusOr<RestTranscoder> Create(const RpcTable& rpcs, const StreamTable& streams,
                                               absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // Answers a request of whom `who_sends` says. `done` runs once, at once or on whatever thread the method answers on.
  // 404 if no method has the path, 405 if it has another HTTP method, 401 if nobody is known by its credentials.
  void Handle(const WhoSends& who_sends, const HttpRequest& request, HttpDone done) const;

 private:
  RestTranscoder(const RpcTable& rpcs, const StreamTable& streams, RestRouter router)
      : rpcs_(&rpcs), streams_(&streams), router_(std::move(router)) {}

  HttpResponse Stream(const Caller& caller, const RestRoute& route, const HttpRequest& request,
                      std::unique_ptr<google::protobuf::Message> message) const;

  const RpcTable* rpcs_;
  const StreamTable* streams_;
  RestRouter router_;
};

}  // namespace atrium
