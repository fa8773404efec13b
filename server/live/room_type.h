#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/status_macros.h"
#include "server/wire/message_json.h"
#include "server/wire/payload.h"

namespace atrium {

class LiveRoomBase;
struct CallContext;

// A registered room class, as the server sees it. Constant once registered.
struct RoomTypeInfo {
  using Method =
      std::function<absl::StatusOr<Payload>(LiveRoomBase& room, const json::value& args, const CallContext& call)>;

  std::string name;
  // The place of the type among all, for counters.
  int index = 0;
  // 0: no limit.
  int max_members = 0;
  std::function<std::unique_ptr<LiveRoomBase>()> create;
  absl::flat_hash_map<std::string, Method> methods;
};

// Describes the room class `T`: given to `T::Describe`.
template <typename T>
class RoomType {
 public:
  explicit RoomType(RoomTypeInfo& info) : info_(info) {}

  // How many members a room holds; 0 for no limit.
  RoomType& MaxMembers(int members) {
    info_.max_members = members;
    return *this;
  }

  // A method that services call by `name`. Its arguments and result are protobuf messages.
  template <typename Request, typename Response>
  RoomType& Method(absl::string_view name, absl::StatusOr<Response> (T::*method)(const Request&, const CallContext&)) {
    info_.methods[name] = [method](LiveRoomBase& room, const json::value& args,
                                   const CallContext& call) -> absl::StatusOr<Payload> {
      Request request;
      RETURN_IF_ERROR(MessageFromJson(args, request));
      ASSIGN_OR_RETURN(const Response response, (static_cast<T&>(room).*method)(request, call));
      return Payload::FromText(MessageToJson(response, JsonZeros::kPrint));
    };
    return *this;
  }

 private:
  RoomTypeInfo& info_;
};

}  // namespace atrium
