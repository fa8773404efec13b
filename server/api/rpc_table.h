#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/api/boxed.h"
#include "server/api/caller.h"
#include "server/wire/payload.h"

namespace atrium {

// A request or response, with its payload beside it (wire/message_json.h).
template <typename Message>
struct WithPayload {
  Boxed<Message> message;
  Payload payload;
  // If this is true of a request, who asks wants to hear of an error only, and the verb may leave its response empty.
  bool errors_only = false;
};

// It is called once, on any thread.
template <typename Response>
using Done = absl::AnyInvocable<void(absl::StatusOr<WithPayload<Response>>)>;

// A request or response of any type, with its payload beside it.
struct AnyWithPayload {
  std::unique_ptr<google::protobuf::Message> message;
  Payload payload;
};

// The unary methods by their full name (`atrium.v1.RoomService.Emit`), for doors that know methods only from
// their descriptors. It is filled before serving and constant from then on, so that any thread may read it.
class RpcTable {
 public:
  // It is called once, on any thread.
  using AnyDone = absl::AnyInvocable<void(absl::StatusOr<AnyWithPayload>)>;
  // The request is of the method's type.
  using Method = absl::AnyInvocable<void(const Caller&, AnyWithPayload request, AnyDone done) const>;

  template <typename Request, typename Response>
  void Add(absl::string_view full_name,
           absl::AnyInvocable<void(const Caller&, WithPayload<Request>, Done<Response>) const> method) {
    methods_[full_name] = [method = std::move(method)](const Caller& caller, AnyWithPayload request, AnyDone done) {
      Boxed<Request> message(std::unique_ptr<Request>(static_cast<Request*>(request.message.release())));
      method(caller, {std::move(message), std::move(request.payload)},
             [done = std::move(done)](absl::StatusOr<WithPayload<Response>> response) mutable {
               if (!response.ok()) return done(response.status());
               done(AnyWithPayload{response->message.Release(), std::move(response->payload)});
             });
    };
  }

  // Returns null if there is no such method.
  const Method* Find(absl::string_view full_name) const {
    const auto it = methods_.find(full_name);
    return it == methods_.end() ? nullptr : &it->second;
  }

 private:
  absl::flat_hash_map<std::string, Method> methods_;
};

}  // namespace atrium
