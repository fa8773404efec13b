#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/live/authoring/hooks.h"
#include "server/wire/payload.h"

namespace atrium {

// Who gets an event that a component emits. A member does not get its own unless it asks for that.
struct HandleEmitOptions {
  bool include_self = false;
  bool is_volatile = false;
};

// A handler that a component has added to a room. Copies stand for the same handler; to drop one changes nothing.
class Subscription {
 public:
  using Handler = std::function<void(const HeardEvent&)>;

  Subscription() = default;
  explicit Subscription(const std::shared_ptr<Handler>& handler) : handler_(handler) {}

  // Ends the handler, which runs no more.
  void Cancel() {
    if (const std::shared_ptr<Handler> handler = handler_.lock()) *handler = nullptr;
  }

 private:
  std::weak_ptr<Handler> handler_;
};

// What the code of a component can do and ask for in its steps; LiveComponentBase and RoomHandle say what comes of
// each. It outlives the code, and is used on the component's shard.
class ComponentContext {
 public:
  // Returns the component as a member of rooms.
  virtual const MemberInfo& self() const = 0;
  virtual absl::Time Now() const = 0;
  virtual void SendBinary(std::string bytes, bool is_volatile) = 0;

  // Returns an empty id if there is none.
  virtual const std::string& default_room() const = 0;
  virtual Awaitable<absl::Status> JoinDefaultRoom(std::string room_id) = 0;
  // Returns those that it is a member of, as far as it has heard.
  virtual std::vector<std::string> rooms() const = 0;
  virtual bool IsIn(const std::string& room_id) const = 0;

  virtual Awaitable<absl::Status> Join(std::string room_id, Payload payload) = 0;
  virtual Awaitable<absl::Status> Leave(std::string room_id) = 0;
  virtual Awaitable<absl::StatusOr<Payload>> CallRoom(std::string room_id, std::string method, Payload args,
                                                      std::string idempotency_key) = 0;
  virtual Awaitable<absl::StatusOr<int>> Emit(std::string room_id, std::string event, Payload data,
                                              HandleEmitOptions options) = 0;
  virtual Subscription On(const std::string& room_id, std::string event, Subscription::Handler handler) = 0;
  virtual Awaitable<absl::StatusOr<Payload>> GetRoomState(std::string room_id) = 0;

 protected:
  ~ComponentContext() = default;
};

}  // namespace atrium
