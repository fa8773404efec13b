#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/api/rpc_table.h"
#include "server/common/rare.h"
#include "server/live/rooms/component_runtime.h"
#include "server/live/rooms/member.h"

namespace atrium {

class Joins;
class SessionCore;

// Owns the components of one session. Runs on the session's shard.
class ComponentHost {
 public:
  ComponentHost(SessionCore& core, Joins& joins);
  ~ComponentHost();
  ComponentHost(const ComponentHost&) = delete;
  ComponentHost& operator=(const ComponentHost&) = delete;

  // Mounts a component. NOT_FOUND if there is no such class, RESOURCE_EXHAUSTED if the session has too many,
  // INVALID_ARGUMENT naming the field, PERMISSION_DENIED for a typed room; else why the room or OnMount refused.
  void Mount(WithPayload<v1::MountRequest> request, Done<v1::MountResponse> done);
  // Unmounts one. NOT_FOUND unless it is one of these.
  // Unmounts what the client's token does not list.
  void UnmountUngranted();
  void Unmount(const v1::UnmountRequest& request, Done<v1::UnmountResponse> done);
  // Runs an action. NOT_FOUND unless the component is one of these; else the errors of ComponentRuntime::Call.
  void Call(WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done);

  // Sends each component's whole state: the client has a connection again.
  void GoOn();
  // Sends the whole state of components whose changes were dropped: the queue of the connection is within its bound
  // again.
  void SendOwed();
  // Ends all of them with the session.
  void End();

  // Returns the component of that id as a member of rooms; null if it is none of these.
  const MemberIdentity* FindMember(absl::string_view id) const;

  // The room says these, by way of the session.
  void OnJoined(SessionKey component, const std::string& room_id, Channel& channel);
  void OnRemoved(SessionKey component, const std::string& room_id, v1::LeaveReason reason);

 private:
  class Mounted;

  Mounted* Find(absl::string_view id) const;
  void OnMounted(SessionKey component, const absl::Status& status, Done<v1::MountResponse> done);
  // Has it leave its rooms; what still runs in it has no effect.
  void Drop(SessionKey component);
  // Has it hear nothing more of the events of its rooms, and forgets it as a member.
  void StopListening(SessionKey component);

  SessionCore& core_;
  Joins& joins_;
  int last_number_ = 0;
  Rare<absl::flat_hash_map<SessionKey, std::unique_ptr<Mounted>>> mounted_;
};

}  // namespace atrium
