#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/common/status_macros.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/authoring/room_options.h"
#include "server/wire/message_json.h"
#include "server/wire/payload.h"

namespace atrium {

class LiveRoomBase;

// Who may call a method of a room.
enum class Access {
  kService,  // Only services may.
  kMember,   // Services and members may.
};

// A registered type of rooms, as the server sees it. It is constant once registered. Descriptors are null where the
// behaviour has no messages.
struct RoomTypeInfo {
  struct Method {
    Access access;
    // Without it, any JSON object is taken.
    const google::protobuf::Descriptor* request = nullptr;
    const google::protobuf::Descriptor* response = nullptr;
    // One of the two is set: `call` for a method that returns at once, `start` for one that may wait; `room` is one
    // that `create` has made. Both fail with INVALID_ARGUMENT naming the field if `args` are not the request's.
    std::function<absl::StatusOr<Payload>(RoomBehaviour& room, const json::value& args, const CallContext& call)> call;
    std::function<Awaitable<absl::StatusOr<Payload>>(RoomBehaviour& room, const json::value& args,
                                                     const CallContext& call)>
        start;
  };
  struct Event {
    // Without it, any JSON is taken.
    const google::protobuf::Descriptor* data = nullptr;
    // If true, members may emit the event; else only the room and services may.
    bool from_members = false;
  };
  // Says which of the hooks that cost something each time there are; the others are not run.
  struct Hooks {
    bool on_event = true;
    bool on_event_async = true;
    bool on_leave_async = true;
  };

  std::string name;
  // The place of the type among all types, for counters.
  int index = 0;
  RoomOptions options;
  Hooks hooks;
  std::function<std::unique_ptr<RoomBehaviour>()> create;
  absl::btree_map<std::string, Method> methods;
  absl::btree_map<std::string, Event> events;
};

// Tells whether a pointer to a hook of a room class is one to that of LiveRoomBase, so that the class does not override
// it.
template <typename Hook>
struct IsInherited : std::false_type {};
template <typename Result, typename Context>
struct IsInherited<Result (LiveRoomBase::*)(Context&)> : std::true_type {};

template <typename T>
concept InheritsOnEvent = IsInherited<decltype(&T::OnEvent)>::value;
template <typename T>
concept InheritsOnEventAsync = IsInherited<decltype(&T::OnEventAsync)>::value;
template <typename T>
concept InheritsOnLeaveAsync = IsInherited<decltype(&T::OnLeaveAsync)>::value;

// Describes the room class `T`; `T::Describe` gets one.
template <typename T>
class RoomType {
 public:
  explicit RoomType(RoomTypeInfo& info) : info_(info) {}

  RoomOptions& options() { return info_.options; }

  // Adds a method that is called by `name`. Its arguments and result are protobuf messages; what it changes and emits
  // is one step.
  template <typename Request, typename Response>
  RoomType& Method(absl::string_view name, absl::StatusOr<Response> (T::*method)(const Request&, const CallContext&),
                   Access access = Access::kService) {
    const auto call = [method](RoomBehaviour& room, const json::value& args,
                               const CallContext& call) -> absl::StatusOr<Payload> {
      Request request;
      RETURN_IF_ERROR(MessageFromJson(args, request));
      ASSIGN_OR_RETURN(const Response response, (static_cast<T&>(room).*method)(request, call));
      return Payload::FromText(MessageToJson(response, JsonZeros::kPrint));
    };
    info_.methods[std::string(name)] = {access, Request::descriptor(), Response::descriptor(), call};
    return *this;
  }

  // Adds a method that may wait. It runs as a hook does, step by step and with the hook deadline.
  template <typename Request, typename Response>
  RoomType& Method(absl::string_view name,
                   Awaitable<absl::StatusOr<Response>> (T::*method)(const Request&, const CallContext&),
                   Access access = Access::kService) {
    const auto start = [method](RoomBehaviour& room, const json::value& args,
                                const CallContext& call) -> Awaitable<absl::StatusOr<Payload>> {
      Request request;
      if (absl::Status status = MessageFromJson(args, request); !status.ok()) co_return status;
      const absl::StatusOr<Response> response = co_await (static_cast<T&>(room).*method)(request, call);
      if (!response.ok()) co_return response.status();
      co_return Payload::FromText(MessageToJson(*response, JsonZeros::kPrint));
    };
    info_.methods[std::string(name)] = {access, Request::descriptor(), Response::descriptor(), nullptr, start};
    return *this;
  }

  // Names an event that the room emits, and the message that it carries.
  template <typename Data>
  RoomType& Event(absl::string_view name) {
    info_.events[std::string(name)] = {Data::descriptor(), /*from_members=*/false};
    return *this;
  }

  // Names an event that members may emit into the room. OnEvent may still refuse it.
  template <typename Data>
  RoomType& FromMembers(absl::string_view name) {
    info_.events[std::string(name)] = {Data::descriptor(), /*from_members=*/true};
    return *this;
  }

 private:
  RoomTypeInfo& info_;
};

}  // namespace atrium
