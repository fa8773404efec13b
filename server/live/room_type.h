#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/common/status_macros.h"
#include "server/live/history.h"
#include "server/live/hooks.h"
#include "server/wire/message_json.h"
#include "server/wire/payload.h"

namespace atrium {

class LiveRoomBase;

// Who may call a method of a room.
enum class Access {
  kService,  // services only
  kMember,   // services and members
};

// What a room class says of its rooms.
struct RoomOptions {
  // How many members a room holds; 0 for no limit.
  int max_members = 0;
  // State, meta and history are kept in the server's log (--data-dir), across restarts, until the room is destroyed or
  // nothing has happened in it for --durable-ttl. What was acknowledged or shown is on disk.
  bool durable = false;
  // How long an empty room is kept; a durable one, in memory. Not set: as the server is told (--empty-ttl).
  absl::optional<absl::Duration> empty_ttl;
  // 0: each step's change of the state goes out at once, as one patch. Else the changes of so long a time go out
  // together; a recorded event sends them before itself. For rooms that change many times a second.
  absl::Duration patch_interval = absl::ZeroDuration();
  // In a room of more than 32 members, who comes and goes is told together, this often. 0: each at once.
  absl::Duration presence_interval = absl::Milliseconds(100);
  // In a room of more members than this, only their count is told; ListMembers tells who they are.
  int presence_list_limit = 200;
  // What a room keeps for those who missed some. Not set: as the server is told (--history-frames and the like).
  absl::optional<HistoryLimits> history;
  // How long a member may be without a connection before it is taken out. Not set: as the server is told
  // (--resume-window).
  absl::optional<absl::Duration> resume_window;
  // How long a hook may take. 0: for ever.
  absl::Duration hook_deadline = absl::Seconds(5);
  SlowPolicy slow_policy = SlowPolicy::kDisconnect;
  // Whether ListRooms shows its rooms.
  bool listed = true;
};

// A registered room class, as the server sees it. Constant once registered.
struct RoomTypeInfo {
  struct Method {
    Access access;
    const google::protobuf::Descriptor* request;
    const google::protobuf::Descriptor* response;
    // One of the two: a method that returns at once, or one that may wait. INVALID_ARGUMENT naming the field if `args`
    // are not the request's.
    std::function<absl::StatusOr<Payload>(LiveRoomBase& room, const json::value& args, const CallContext& call)> call;
    std::function<Awaitable<absl::StatusOr<Payload>>(LiveRoomBase& room, const json::value& args,
                                                     const CallContext& call)>
        start;
  };
  struct Event {
    const google::protobuf::Descriptor* data;
    // Members may emit it; else only the room and services do.
    bool from_members;
  };

  std::string name;
  // The place of the type among all, for counters.
  int index = 0;
  RoomOptions options;
  std::function<std::unique_ptr<LiveRoomBase>()> create;
  // At their defaults.
  const google::protobuf::Message* state = nullptr;
  const google::protobuf::Message* meta = nullptr;
  absl::btree_map<std::string, Method> methods;
  absl::btree_map<std::string, Event> events;
};

// Describes the room class `T`: given to `T::Describe`.
template <typename T>
class RoomType {
 public:
  explicit RoomType(RoomTypeInfo& info) : info_(info) {}

  RoomOptions& options() { return info_.options; }

  // A method by `name`. Its arguments and result are protobuf messages; what it changes and emits is one step.
  template <typename Request, typename Response>
  RoomType& Method(absl::string_view name, absl::StatusOr<Response> (T::*method)(const Request&, const CallContext&),
                   Access access = Access::kService) {
    const auto call = [method](LiveRoomBase& room, const json::value& args,
                               const CallContext& call) -> absl::StatusOr<Payload> {
      Request request;
      RETURN_IF_ERROR(MessageFromJson(args, request));
      ASSIGN_OR_RETURN(const Response response, (static_cast<T&>(room).*method)(request, call));
      return Payload::FromText(MessageToJson(response, JsonZeros::kPrint));
    };
    info_.methods[std::string(name)] = {access, Request::descriptor(), Response::descriptor(), call};
    return *this;
  }

  // The same for a method that may wait: it runs as a hook does, step by step and with the hook deadline.
  template <typename Request, typename Response>
  RoomType& Method(absl::string_view name,
                   Awaitable<absl::StatusOr<Response>> (T::*method)(const Request&, const CallContext&),
                   Access access = Access::kService) {
    const auto start = [method](LiveRoomBase& room, const json::value& args,
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

  // An event that the room emits, with the message that it carries.
  template <typename Data>
  RoomType& Event(absl::string_view name) {
    info_.events[std::string(name)] = {Data::descriptor(), /*from_members=*/false};
    return *this;
  }

  // An event that members may emit into the room. OnEvent may still refuse it.
  template <typename Data>
  RoomType& FromMembers(absl::string_view name) {
    info_.events[std::string(name)] = {Data::descriptor(), /*from_members=*/true};
    return *this;
  }

 private:
  RoomTypeInfo& info_;
};

}  // namespace atrium
