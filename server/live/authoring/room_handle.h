#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/live/authoring/component_context.h"
#include "server/live/authoring/hooks.h"
#include "server/wire/message_json.h"

namespace atrium {

// A room, as one component deals with it. It is cheap to copy, and for the code of its component only. The room may
// live on another shard, so what asks it is awaited. It is asked by server code, so that methods for services are there
// too.
class RoomHandle {
 public:
  RoomHandle(ComponentContext& component, std::string room_id) : component_(&component), room_id_(std::move(room_id)) {}

  const std::string& id() const { return room_id_; }
  // Returns whether the component is a member, as far as it has heard.
  bool joined() const;

  // Makes the component a member; OK if it is one. PERMISSION_DENIED if the room refuses, with its text;
  // RESOURCE_EXHAUSTED if it is full or the session is in too many rooms. While another join of it is pending, this one
  // waits.
  Awaitable<absl::Status> Join();
  Awaitable<absl::Status> Join(const google::protobuf::Message& payload);

  // Takes the component out of the room. NOT_FOUND if it is not a member.
  Awaitable<absl::Status> Leave();

  // Calls a method of a typed room, which is created if absent. FAILED_PRECONDITION if it has no such method; else what
  // the method returns. With a key that the component's user has called it by before, it is not done again, but
  // answered as it was then; INVALID_ARGUMENT if that was another call.
  template <typename Response>
  Awaitable<absl::StatusOr<Response>> Call(absl::string_view method, const google::protobuf::Message& request,
                                           absl::string_view idempotency_key = "") {
    return ReadAnswer<Response>(CallJson(std::string(method), ToPayload(request), std::string(idempotency_key)));
  }

  // Sends an event, of any name that OnEvent lets pass; a `google.protobuf.Value` can be any JSON. Returns how many
  // sessions it was handed to.
  Awaitable<absl::StatusOr<int>> Emit(absl::string_view event, const google::protobuf::Message& data,
                                      HandleEmitOptions options = {});

  // Runs `handler` for each event of that name, as a step of the component, in the room's order, while the component is
  // a member. When it leaves, is taken out, or the join that a handler waits for is refused, its handlers are gone.
  Subscription On(absl::string_view event, Subscription::Handler handler);

  // Does the same for data that are a message; an event whose data cannot be read as one is left out.
  template <typename Data>
  Subscription On(absl::string_view event, std::function<void(const Data&)> handler) {
    return On(event, [handler = std::move(handler)](const HeardEvent& heard) {
      Data data;
      if (MessageFromJson(heard.data.ToJsonValue(), data).ok()) handler(data);
    });
  }

  // Returns the room's state. NOT_FOUND if there is no such room.
  Awaitable<absl::StatusOr<Payload>> StateJson();

 protected:
  template <typename Response>
  static Awaitable<absl::StatusOr<Response>> ReadAnswer(Awaitable<absl::StatusOr<Payload>> asked) {
    const absl::StatusOr<Payload> answer = co_await std::move(asked);
    if (!answer.ok()) co_return answer.status();
    Response response;
    if (absl::Status status = MessageFromJson(answer->ToJsonValue(), response); !status.ok()) co_return status;
    co_return response;
  }

 private:
  static Payload ToPayload(const google::protobuf::Message& message) {
    return Payload::FromText(MessageToJson(message, JsonZeros::kPrint));
  }
  Awaitable<absl::StatusOr<Payload>> CallJson(std::string method, Payload args, std::string idempotency_key);

  ComponentContext* component_;
  std::string room_id_;
};

// A room of the class `T`.
template <typename T>
class TypedRoomHandle : public RoomHandle {
 public:
  using RoomHandle::RoomHandle;

  // Returns the room's state. NOT_FOUND if there is no such room.
  Awaitable<absl::StatusOr<typename T::StateMessage>> State() {
    return ReadAnswer<typename T::StateMessage>(StateJson());
  }
};

}  // namespace atrium
