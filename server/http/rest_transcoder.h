#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/http/http_message.h"
#include "server/http/rest_router.h"

namespace atrium {

// Unary methods as REST, by their `google.api.http` annotations: a new method needs no code here.
//
// Path variables, query parameters and the JSON body fill the request; the response is JSON with its zeros
// printed. Errors are a bare google.rpc.Status: 400 names an unknown or mistyped field. Thread-safe.
class RestTranscoder {
 public:
  // `rpcs` must outlive it and have each annotated method (else INTERNAL).
  static absl::StatusOr<RestTranscoder> Create(const RpcTable& rpcs,
                                               absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  void Handle(const Caller& caller, const HttpRequest& request, HttpDone done) const;

 private:
  RestTranscoder(const RpcTable& rpcs, RestRouter router) : rpcs_(&rpcs), router_(std::move(router)) {}

  const RpcTable* rpcs_;
  RestRouter router_;
};

}  // namespace atrium
