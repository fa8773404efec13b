#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/common/status_macros.h"
#include "server/live/authoring/hooks.h"
#include "server/wire/message_json.h"
#include "server/wire/payload.h"

namespace atrium {

class LiveComponentBase;

// What a component class says of its components.
struct ComponentOptions {
  // OnMount or an action may take so long; 0 means for ever.
  absl::Duration hook_deadline = absl::Seconds(5);
};

// A registered component class, as the server sees it. It is constant once registered.
struct ComponentTypeInfo {
  struct Action {
    const google::protobuf::Descriptor* request;
    const google::protobuf::Descriptor* response;
    // Returns what runs the action, or INVALID_ARGUMENT naming the field if `args` are not the request's.
    std::function<absl::StatusOr<Awaitable<absl::StatusOr<Payload>>>(LiveComponentBase& component,
                                                                     const json::value& args)>
        call;
  };

  std::string name;
  ComponentOptions options;
  std::function<std::unique_ptr<LiveComponentBase>()> create;
  const google::protobuf::Descriptor* state = nullptr;
  // A client may set these fields of the state when it mounts; they have their names of the proto.
  absl::btree_set<std::string> client_fields;
  absl::btree_map<std::string, Action> actions;

  // Fails with INVALID_ARGUMENT naming the first field of `state` that is not the client's to set.
  absl::Status CheckClientState(const json::object& state) const;
};

// Describes the component class `T`; `T::Describe` gets one.
template <typename T>
class ComponentType {
 public:
  explicit ComponentType(ComponentTypeInfo& info) : info_(info) {}

  ComponentOptions& options() { return info_.options; }

  // Lets the client set these fields of the state when it mounts; all others start at their default. OnMount may check
  // what came.
  ComponentType& ClientSets(std::initializer_list<absl::string_view> fields) {
    for (const absl::string_view field : fields) info_.client_fields.emplace(field);
    return *this;
  }

  // Adds an action that the client may call by `name`. Nothing else of the class can be called.
  template <typename Request, typename Response>
  ComponentType& Action(absl::string_view name, Awaitable<absl::StatusOr<Response>> (T::*action)(const Request&)) {
    return Add<Request, Response>(name, action);
  }
  template <typename Request, typename Response>
  ComponentType& Action(absl::string_view name, absl::StatusOr<Response> (T::*action)(const Request&)) {
    return Add<Request, Response>(name, action);
  }

 private:
  template <typename Request, typename Response, typename Method>
  ComponentType& Add(absl::string_view name, Method method) {
    const auto call = [method](LiveComponentBase& component,
                               const json::value& args) -> absl::StatusOr<Awaitable<absl::StatusOr<Payload>>> {
      Request request;
      RETURN_IF_ERROR(MessageFromJson(args, request));
      return Run<Request, Response>(static_cast<T&>(component), method, std::move(request));
    };
    info_.actions[std::string(name)] = {Request::descriptor(), Response::descriptor(), call};
    return *this;
  }

  // The request lives as long as the action runs.
  template <typename Request, typename Response>
  static Awaitable<absl::StatusOr<Payload>> Run(T& component,
                                                Awaitable<absl::StatusOr<Response>> (T::*action)(const Request&),
                                                Request request) {
    co_return ToPayload(co_await (component.*action)(request));
  }
  template <typename Request, typename Response>
  static Awaitable<absl::StatusOr<Payload>> Run(T& component, absl::StatusOr<Response> (T::*action)(const Request&),
                                                Request request) {
    co_return ToPayload((component.*action)(request));
  }
  template <typename Response>
  static absl::StatusOr<Payload> ToPayload(const absl::StatusOr<Response>& response) {
    if (!response.ok()) return response.status();
    return Payload::FromText(MessageToJson(*response, JsonZeros::kPrint));
  }

  ComponentTypeInfo& info_;
};

}  // namespace atrium
