#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/api/rpc_table.h"
#include "server/live/component_runtime.h"
#include "server/live/member.h"

namespace atrium {

class Session;
class SessionHub;

// The components of one session, which is theirs. On its shard.
class ComponentHost {
 public:
  explicit ComponentHost(Session& session);
  ~ComponentHost();

  // NOT_FOUND: no such class. RESOURCE_EXHAUSTED: the session has too many. INVALID_ARGUMENT naming the field.
  // PERMISSION_DENIED for a typed room; else why the room or OnMount refused.
  void Mount(WithPayload<v1::MountRequest> request, Done<v1::MountResponse> done);
  // NOT_FOUND unless it is one of these.
  void Unmount(const v1::UnmountRequest& request, Done<v1::UnmountResponse> done);
  // Runs an action. NOT_FOUND unless it is one of these; else as ComponentRuntime::Call.
  void Call(WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done);

  // The session has a connection again: each component's whole state goes to the client.
  void GoOn();
  // The session ends.
  void End();

  void AppendIds(std::vector<std::string>& ids) const;
  // Null if it is none of these.
  const MemberIdentity* FindMember(absl::string_view id) const;
  // The id of one that is mounted or about to be; empty if there is none of that key.
  std::string IdOf(SessionKey component) const;

  // The room's word, by way of the session.
  void OnJoined(SessionKey component, const std::string& room_id, Channel& channel);
  void OnRemoved(SessionKey component, const std::string& room_id, v1::LeaveReason reason);

 private:
  class Mounted;

  SessionHub& hub() const;
  Mounted* Find(absl::string_view id) const;
  void OnMounted(SessionKey component, const absl::Status& status, Done<v1::MountResponse> done);
  // It leaves its rooms; what still runs in it has no effect.
  void Drop(SessionKey component);

  Session& session_;
  int last_number_ = 0;
  absl::flat_hash_map<SessionKey, std::unique_ptr<Mounted>> mounted_;
};

}  // namespace atrium
